// One sync of a HorizontalPodAutoscaler: from metrics to a size and the conditions that explain it
// (kubernetes/kubernetes horizontal.go, reconcileAutoscaler, mid-2026).
//
//   at zero, unless it is known to have scaled there itself and may come back:  stay, ScalingDisabled
//   above max, below min:  there at once, without metrics, windows or limits
//   else the largest proposal of the metrics; when none can be used, or one cannot and the best lies below the
//   current size: keep, and say which failed first (v1.20 lowered on what was left: lowers_on_partial)
//   then stabilise and limit (hpa_behavior.h); a change is recorded
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/policy/peers/hpa_behavior.h"
#include "core/policy/peers/hpa_metrics.h"
#include "core/policy/peers/hpa_pods.h"
#include "core/policy/peers/hpa_reason.h"

namespace tidegate {

enum class HpaMetricType : std::uint8_t { resource, container_resource, pods, object, external, invalid };

// One metric as read for this sync. Exactly one target is set; values are thousandths.
struct HpaMetricSeen {
  HpaMetricType type = HpaMetricType::pods;
  bool failed = false;  // it could not be read
  std::optional<std::int32_t> target_percent;
  std::optional<std::int64_t> target_average;
  std::optional<std::int64_t> target_value;
  HpaPodSums pods;         // samples of resource and pods metrics; for a value, who is ready
  std::int64_t value = 0;  // of an object; the sum of an external metric's series
};

struct HpaBehavior {
  HpaScalingRules up = default_rules_up();
  HpaScalingRules down = default_rules_down();
};

struct HpaRules {
  HpaBounds bounds;
  HpaTolerance tolerance;
  const HpaBehavior* behavior = nullptr;  // none: the fields below
  Duration downscale_window = 5min;
  HpaScaleUpLimit scale_up_limit;
  bool lowers_on_partial = false;
};

struct HpaSeen {
  Instant now{};
  std::int32_t replicas = 0;         // asked for
  std::int32_t status_replicas = 0;  // there
  bool scaled_to_zero = false;       // by the HPA itself: it may come back
  std::span<const HpaMetricSeen> metrics;
};

struct HpaCondition {
  bool status = true;
  HpaReason reason = HpaReason::succeeded_get_scale;
};

struct HpaOutcome {
  std::int32_t replicas = 0;
  HpaCondition able_to_scale;
  std::optional<HpaCondition> scaling_active;
  std::optional<HpaCondition> scaling_limited;
  std::optional<std::size_t> winner;  // the metric with the largest proposal
  HpaProposal proposal;               // ... and what it proposed
};

[[nodiscard]] std::optional<HpaProposal> propose_metric(const HpaMetricSeen& metric, std::int32_t replicas,
                                                        std::int32_t status_replicas, HpaTolerance tolerance);

[[nodiscard]] HpaOutcome sync(const HpaRules& rules, HpaLog& log, const HpaSeen& seen);

}  // namespace tidegate
