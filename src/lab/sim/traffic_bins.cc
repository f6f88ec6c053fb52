#include "lab/sim/traffic_bins.h"

#include <algorithm>
#include <cmath>

#include "lab/sim/traffic_copies.h"

namespace tidegate {

BinArrivals::BinArrivals(BinSource bins, BinOptions options, Prng random)
    : bins_(std::move(bins)), options_(options), random_(random.split(0)), gaps_(random.split(1)) {
  // In steps of 1/1024, so that a sum of whole counts stays exact.
  rounding_ = static_cast<double>(random_.below(1024)) / 1024;
}

double BinArrivals::gap(Prng& random) const { return random.gamma(1 / options_.burstiness, options_.burstiness); }

// Counts that are no whole numbers are rounded so that their sum is kept.
std::uint64_t BinArrivals::requests_of(const TrafficBin& bin) {
  const double before = std::floor(came_ + rounding_);
  came_ += bin.requests;
  return scaled_count(static_cast<std::uint64_t>(std::floor(came_ + rounding_) - before), options_.scale, random_);
}

void BinArrivals::shape_bin() {
  const double width = seconds(options_.width);
  const double rate = here_->requests / width;
  const auto edge = [&](const std::optional<TrafficBin>& other, bool adjacent) {
    if (!other) return rate;
    const double beside = adjacent ? other->requests / width : 0;
    return std::min({(rate + beside) / 2, 2 * rate, 2 * beside});
  };
  // Times are rounded to a nanosecond, so bins that touch may look apart by one.
  const auto touches = [&](const TrafficBin& a, const TrafficBin& b) { return b.at - a.at <= options_.width + 1us; };
  const double left = edge(before_, before_ && touches(*before_, *here_));
  const double right = edge(after_, after_ && touches(*here_, *after_));
  const double middle = std::max(0.0, 2 * rate - (left + right) / 2);
  curve_ = RateCurve{};
  curve_.knot(Duration::zero(), left).knot(options_.width / 2, middle).knot(options_.width, right);

  // The gaps are drawn twice, once for their sum, so that a bin of any size needs no memory.
  Prng sum = gaps_;
  whole_ = gone_ = 0;
  if (options_.burstiness > 0)
    for (std::uint64_t i = 0; i <= left_; ++i) whole_ += gap(sum);
  // Also when every gap was too small for a double.
  evenly_ = !(whole_ > 0);
  if (!evenly_) return;
  whole_ = static_cast<double>(left_);
  gone_ = -0.5;
}

Result<bool> BinArrivals::next_bin() {
  const auto advance = [&]() -> Result<void> {
    auto read = bins_();
    if (!read) return std::unexpected(read.error());
    before_ = std::exchange(here_, std::exchange(after_, std::move(*read)));
    return {};
  };
  if (!std::exchange(opened_, true))
    if (auto first = advance(); !first) return std::unexpected(first.error());
  if (auto moved = advance(); !moved) return std::unexpected(moved.error());
  if (!here_) return false;
  left_ = requests_of(*here_);
  if (left_ > 0) shape_bin();
  return true;
}

Result<std::optional<Duration>> BinArrivals::next() {
  while (left_ == 0) {
    const auto more = next_bin();
    if (!more) return std::unexpected(more.error());
    if (!*more) return std::nullopt;
  }
  gone_ += evenly_ ? 1.0 : gap(gaps_);
  // The gap behind the last request is used up, so that the next bin draws its own.
  if (--left_ == 0 && !evenly_) (void)gap(gaps_);
  const double share = std::clamp(gone_ / whole_, 0.0, 1.0);
  const double requests = here_->requests * share;
  const auto into = requests > 0 ? curve_.after(Duration::zero(), requests) : Duration::zero();
  return here_->at + std::clamp(into.value_or(options_.width), Duration::zero(), options_.width - 1ns);
}

}  // namespace tidegate
