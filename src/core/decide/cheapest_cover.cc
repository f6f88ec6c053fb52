#include "core/decide/cheapest_cover.h"

#include <algorithm>
#include <limits>

#include "core/decide/plan.h"

namespace tidegate {
namespace {

constexpr int nodes_most = 20'000;

class Search {
 public:
  explicit Search(const std::vector<Offer>& offers) : offers_(offers), chosen_(offers.size()) {}

  [[nodiscard]] Cover run(double need, std::int32_t most, std::int32_t least) {
    best_.cost = std::numeric_limits<double>::infinity();
    descend(0, need, most, least, 0);
    if (!best_.is_enough) take_all(most);
    return std::move(best_);
  }

 private:
  void descend(std::size_t k, double missing, std::int32_t most, std::int32_t least, double cost) {
    if (missing <= rounding && least <= 0) {
      if (cost < best_.cost - rounding) best_ = {.counts = chosen_, .cost = cost, .is_enough = true};
      return;
    }
    if (k == offers_.size() || ++nodes_ > nodes_most) return;
    const Offer& offer = offers_[k];
    if (cost + std::max(missing, 0.0) * offer.ratio() >= best_.cost - rounding) return;
    const auto enough = std::max(static_cast<std::int32_t>(std::min(whole_above(missing / offer.weight), 1e9)), least);
    for (std::int32_t n = std::min({enough, offer.room, most}); n >= 0; --n) {
      chosen_[k] = n;
      descend(k + 1, missing - n * offer.weight, most - n, least - n, cost + n * offer.cost);
    }
    chosen_[k] = 0;
  }

  void take_all(std::int32_t most) {
    best_ = {.counts = {}, .cost = 0, .is_enough = false};
    for (const Offer& offer : offers_) {
      const auto taken = std::min(offer.room, most);
      best_.counts.push_back(taken);
      best_.cost += taken * offer.cost;
      most -= taken;
    }
  }

  const std::vector<Offer>& offers_;
  std::vector<std::int32_t> chosen_;
  Cover best_;
  int nodes_ = 0;
};

}  // namespace

Cover cheapest_cover(const std::vector<Offer>& offers, double need, std::int32_t most, std::int32_t least) {
  return Search{offers}.run(need, most, least);
}

}  // namespace tidegate
