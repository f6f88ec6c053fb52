#include "core/policy/peers/hpa_pods.h"

#include <algorithm>

#include "core/policy/peers/milli.h"

namespace tidegate {
namespace {

bool is_cpu_unready(const HpaPod& pod, const HpaReadiness& readiness, Instant now) {
  if (!pod.ready || !pod.started) return true;
  if (*pod.started + readiness.cpu_initialization > now)
    return !*pod.ready || pod.sample->at < pod.ready_changed + pod.sample->window;
  return !*pod.ready && *pod.started + readiness.readiness_delay > pod.ready_changed;
}

}  // namespace

HpaPodClass classify(const HpaPod& pod, const HpaReadiness& readiness, Instant now) {
  if (pod.deleting || pod.phase == HpaPhase::failed || pod.phase == HpaPhase::succeeded) return HpaPodClass::ignored;
  if (pod.phase == HpaPhase::pending) return HpaPodClass::unready;
  if (!pod.sample) return HpaPodClass::missing;
  return readiness.is_cpu && is_cpu_unready(pod, readiness, now) ? HpaPodClass::unready : HpaPodClass::ready;
}

HpaPodSums sum_pods(std::span<const HpaPod> pods, std::span<const std::int64_t> strangers,
                    const HpaReadiness& readiness, std::int32_t target_percent, Instant now) {
  HpaPodSums sums{.pods = static_cast<std::int32_t>(pods.size()),
                  .strangers = static_cast<std::int32_t>(strangers.size())};
  for (const std::int64_t value : strangers) sums.strangers_usage = add_saturated(sums.strangers_usage, value);
  for (const HpaPod& pod : pods) {
    sums.lacks_request |= !pod.request;
    const std::int64_t request = pod.request.value_or(0);
    if (pod.phase == HpaPhase::running && pod.ready.value_or(false)) ++sums.running_and_ready;
    switch (classify(pod, readiness, now)) {
      case HpaPodClass::ignored:
        break;
      case HpaPodClass::unready:
        ++sums.unready;
        sums.requests_unready = add_saturated(sums.requests_unready, request);
        break;
      case HpaPodClass::missing:
        ++sums.missing;
        sums.requests_missing = add_saturated(sums.requests_missing, request);
        sums.usage_if_missing =
            add_saturated(sums.usage_if_missing, multiply_saturated(request, std::max(100, target_percent)) / 100);
        break;
      case HpaPodClass::ready:
        ++sums.ready;
        sums.usage = add_saturated(sums.usage, pod.sample->value);
        sums.requests = add_saturated(sums.requests, request);
        break;
    }
  }
  return sums;
}

}  // namespace tidegate
