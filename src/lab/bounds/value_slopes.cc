#include "lab/bounds/value_slopes.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace tidegate {

ValueSlopes::ValueSlopes(const NeedSeries& needs, const BoundTerms& terms, PriceOfUnserved price)
    : least_(terms.replicas_min), boot_(terms.boot_steps(needs)), price_(price.replica_steps) {
  CHECK(terms.replicas_min >= 0 && terms.replicas_min <= terms.replicas_max && terms.replicas_max <= 30'000);
  CHECK(boot_ >= 0 && price_ >= 0);
  const auto useful = static_cast<std::int32_t>(std::min(std::ceil(needs.load_max()), 30'000.0));
  const std::int32_t most = std::clamp(std::max(useful, terms.replicas_initial), least_, terms.replicas_max);
  slopes_.resize(static_cast<std::size_t>(most - least_));
  // Before the first step: the replicas that are there cost nothing more, each further one a boot.
  for (std::size_t k = 0; k < slopes_.size(); ++k)
    slopes_[k] = least_ + static_cast<std::int32_t>(k) < terms.replicas_initial ? 0 : boot_;
}

SizeRange ValueSlopes::step(float load) {
  std::int32_t below_zero = 0, below_boot = 0;
  const double above_least = static_cast<double>(load) - least_;
  for (std::size_t k = 0; k < slopes_.size(); ++k) {
    const double part = std::clamp(above_least - static_cast<double>(k), 0.0, 1.0);
    const double slope = std::clamp(slopes_[k], 0.0, boot_) + 1 - price_ * part;
    slopes_[k] = slope;
    below_zero += slope < 0 ? 1 : 0;
    below_boot += slope < boot_ ? 1 : 0;
  }
  return {static_cast<std::int16_t>(least_ + below_zero), static_cast<std::int16_t>(least_ + below_boot)};
}

}  // namespace tidegate
