#include "core/policy/peers/own_size.h"

#include <algorithm>
#include <cmath>

namespace tidegate {

void adopt_present(OwnSize& own, const PolicyInput& input) {
  const auto& manual = input.seen.manual;
  const bool is_steered = manual && input.seen.now < manual->expires;
  if (own.known && !is_steered) return;
  own = {.known = true, .replicas = whole_replicas(input.ready + input.warming)};
}

std::int32_t bounded(std::int32_t size, const Guardrails& limits) {
  return std::max(std::min(size, limits.replicas_max.value()), limits.replicas_min.value());
}

std::int32_t whole_replicas(double weighted) {
  return static_cast<std::int32_t>(std::lround(std::clamp(weighted, 0.0, 1e9)));
}

}  // namespace tidegate
