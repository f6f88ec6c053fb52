#include "lab/sim/traffic_copies.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

// How many of `count` happen, each with probability `chance`. Jumps from one to the next, so that rare events
// in large counts are cheap.
std::uint64_t how_many(std::uint64_t count, double chance, Prng& random) {
  if (chance > 0.5) return count - how_many(count, 1 - chance, random);
  if (!(chance > 0)) return 0;
  const double scale = 1 / std::log1p(-chance);
  std::uint64_t happened = 0;
  for (double at = 0;; ++happened) {
    at += std::floor(std::log1p(-random.uniform()) * scale) + 1;
    if (at > static_cast<double>(count)) return happened;
  }
}

}  // namespace

std::uint64_t scaled_count(std::uint64_t count, double scale, Prng& random) {
  const double whole = std::floor(scale);
  return count * static_cast<std::uint64_t>(whole) + how_many(count, scale - whole, random);
}

}  // namespace tidegate
