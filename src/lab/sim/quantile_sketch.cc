#include "lab/sim/quantile_sketch.h"

#include <algorithm>
#include <cmath>

namespace tidegate {

Duration QuantileSketch::quantile(double q) const {
  if (total_ == 0) return Duration::zero();
  const double wanted = std::ceil(q * static_cast<double>(total_));
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, total_);
  std::uint64_t passed = 0;
  for (std::uint32_t bucket = 0; bucket < buckets; ++bucket) {
    passed += counts_[bucket];
    if (passed >= rank) return value_of(bucket);
  }
  return value_of(buckets - 1);
}

}  // namespace tidegate
