#include "core/decide/pool_move.h"

#include <algorithm>

#include "core/decide/cheapest_cover.h"

namespace tidegate {
namespace {

constexpr double move_gain = 1.15;  // what is there costs this many times the cheapest set, or more

class Move {
 public:
  Move(ServicePlan& plan, const std::vector<std::size_t>& order)
      : plan_(plan), order_(order), moving_(plan.state.moving), floor_(whole_above(plan.decision.band.floor.value())) {}

  bool step() {
    const double weight = whole_below(moving_.value_or(plan_.weighted_present()));
    const double need = std::max(floor_, std::min(whole_below(plan_.decision.band.ceiling.value()), weight));
    if (need <= 0 || !find_ideal(need) || is_there()) return end();
    if (!moving_) {
      if (!is_calm() || plan_.cost() < move_gain * ideal_cost_) return false;
      moving_ = weight;
    }
    const bool changed = add() || take_away();
    if (changed) plan_.change_reason = Reason::cost_switch;
    return changed;
  }

 private:
  bool end() {
    moving_.reset();
    return false;
  }

  bool find_ideal(double need) {
    std::vector<Offer> offers;
    for (const std::size_t i : order_) {
      const PoolPlan& pool = plan_.pools[i];
      offers.push_back({.weight = pool.weight, .cost = pool.cost, .room = pool.target + pool.room()});
    }
    const auto& limits = plan_.spec.guardrails;
    const Cover cover = cheapest_cover(offers, need, limits.replicas_max.value(), limits.replicas_min.value());
    ideal_.assign(plan_.pools.size(), 0);
    for (std::size_t k = 0; k < order_.size(); ++k) ideal_[order_[k]] = cover.counts[k];
    ideal_cost_ = cover.cost;
    return cover.is_enough;
  }

  [[nodiscard]] bool is_there() const { return std::ranges::equal(plan_.pools, ideal_, {}, &PoolPlan::target); }

  static std::int32_t on_the_way(const PoolPlan& pool) { return pool.warming - pool.unplaced; }
  [[nodiscard]] bool is_calm() const {
    return std::ranges::none_of(plan_.pools, [](const PoolPlan& pool) { return on_the_way(pool) > 0; });
  }

  bool add() {
    if (!is_calm()) return false;
    std::int32_t room = std::max(plan_.spec.guardrails.replicas_max.value() - plan_.target(), 0);
    bool changed = false;
    for (const std::size_t i : order_) {
      PoolPlan& pool = plan_.pools[i];
      const auto added = std::clamp(ideal_[i] - pool.target, 0, room);
      pool.target += added;
      room -= added;
      changed = changed || added > 0;
    }
    return changed;
  }

  [[nodiscard]] double ready_weight() const {
    double weight = 0;
    for (const PoolPlan& pool : plan_.pools) weight += std::min(pool.ready, pool.target) * pool.weight;
    return weight;
  }

  [[nodiscard]] std::vector<std::size_t> dearest_first() const {
    auto pools = cheapest_first(plan_);
    std::ranges::reverse(pools);
    return pools;
  }

  bool take_away() {
    bool is_complete = true;
    for (std::size_t i = 0; i < ideal_.size(); ++i) is_complete = is_complete && plan_.pools[i].target >= ideal_[i];
    if (!is_complete && plan_.target() < plan_.spec.guardrails.replicas_max.value()) return false;
    bool changed = false;
    for (const std::size_t i : dearest_first()) {
      PoolPlan& pool = plan_.pools[i];
      if (on_the_way(pool) > 0) continue;  // a start under way is not undone
      while (pool.target > ideal_[i]) {
        --pool.target;
        if (ready_weight() < floor_ - rounding) {
          ++pool.target;
          break;
        }
        changed = true;
      }
    }
    return changed;
  }

  ServicePlan& plan_;
  const std::vector<std::size_t>& order_;
  std::optional<double>& moving_;
  const double floor_;
  std::vector<std::int32_t> ideal_;
  double ideal_cost_ = 0;
};

}  // namespace

bool move_pools(ServicePlan& plan, const std::vector<std::size_t>& order) {
  if (plan.pools.size() < 2 || !plan.may_lower || plan.seen.rollout) return false;
  return Move{plan, order}.step();
}

}  // namespace tidegate
