#include "core/policy/peers/keda_triggers.h"

#include <algorithm>

namespace tidegate {

std::optional<double> trigger_value(const KedaTrigger& trigger, const Reading& reading) {
  switch (reading.quality) {
    case Quality::fresh:
      return std::max(reading.value, 0.0);
    case Quality::stale:
    case Quality::absent:
    case Quality::nan:
      return trigger.ignore_null_values ? std::optional{0.0} : std::nullopt;
    case Quality::error:
      break;
  }
  return std::nullopt;
}

std::optional<double> fallback_value(const KedaTrigger& trigger, const KedaFallback& fallback, KedaScale scale) {
  std::int32_t replicas = fallback.replicas.value();
  switch (fallback.behavior) {
    case KedaFallbackBehavior::fixed:
      break;
    case KedaFallbackBehavior::current_replicas:
      replicas = scale.replicas;
      break;
    case KedaFallbackBehavior::current_replicas_if_higher:
      replicas = std::max(replicas, scale.replicas);
      break;
    case KedaFallbackBehavior::current_replicas_if_lower:
      replicas = std::min(replicas, scale.replicas);
      break;
  }
  const double total = trigger.threshold * replicas;
  if (trigger.metric_type != HpaTarget::value) return total;
  return scale.ready > 0 ? std::optional{total / scale.ready} : std::nullopt;
}

std::optional<double> ask(const KedaTrigger& trigger, const std::optional<KedaFallback>& fallback,
                          KedaTriggerMemory& memory, const Reading& reading, KedaScale scale) {
  constexpr std::int32_t counted_most = 1'000'000;
  if (const auto value = trigger_value(trigger, reading)) {
    memory.failures = 0;
    return value;
  }
  memory.failures = std::min(memory.failures + 1, counted_most);
  return fallback && memory.failures > fallback->failure_threshold ? fallback_value(trigger, *fallback, scale)
                                                                   : std::nullopt;
}

}  // namespace tidegate
