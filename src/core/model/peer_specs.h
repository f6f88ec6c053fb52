// The knobs of the peers: other systems' auto-scalers, shown beside ours (compare_with) or acting when chosen.
// Defaults are those of the original. The peers themselves are core/policy/peers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/cloud_peer_specs.h"
#include "core/model/llm_peer_specs.h"
#include "core/model/serving_peer_specs.h"
#include "core/model/signal.h"

namespace tidegate {

// How an HPA compares a metric with its target.
enum class HpaTarget : std::uint8_t {
  pods_average,   // the mean over the pods that report (Pods, Resource with averageValue)
  utilization,    // a share of what a replica has, 0.8 of its GPU (Resource with averageUtilization)
  average_value,  // a total, divided by the replicas (External or Object with averageValue)
  value,          // one number as it is (External or Object with value)
};
template <>
inline constexpr auto enum_texts<HpaTarget> = std::to_array<EnumText<HpaTarget>>({
    {HpaTarget::pods_average, "pods_average"},
    {HpaTarget::utilization, "utilization"},
    {HpaTarget::average_value, "average_value"},
    {HpaTarget::value, "value"},
});

struct HpaMetric {
  Signal signal = Signal::in_flight;
  std::string name;  // of a custom signal
  HpaTarget type = HpaTarget::pods_average;
  double target = 8;
  friend bool operator==(const HpaMetric&, const HpaMetric&) = default;
};

enum class HpaSelect : std::uint8_t { max, min, disabled };
template <>
inline constexpr auto enum_texts<HpaSelect> = std::to_array<EnumText<HpaSelect>>(
    {{HpaSelect::max, "max"}, {HpaSelect::min, "min"}, {HpaSelect::disabled, "disabled"}});

enum class HpaScalingUnit : std::uint8_t { pods, percent };
// At most `value` replicas, or percent of them, within `period`.
struct HpaScalingPolicy {
  HpaScalingUnit unit = HpaScalingUnit::pods;
  std::int32_t value = 0;
  Duration period = 15s;
  friend bool operator==(const HpaScalingPolicy&, const HpaScalingPolicy&) = default;
};

// behavior.scaleUp, behavior.scaleDown.
struct HpaScalingRules {
  Duration window{};  // stabilizationWindowSeconds
  HpaSelect select = HpaSelect::max;
  std::vector<HpaScalingPolicy> policies;
  friend bool operator==(const HpaScalingRules&, const HpaScalingRules&) = default;
};

// Kubernetes HorizontalPodAutoscaler v2 with behavior. The simple settings are one metric and one policy of each
// kind; `metrics` stand beside that metric (the largest proposal wins), `up_policies` and `down_policies` in the
// place of the simple limits.
struct HpaPolicy {
  Signal signal = Signal::in_flight;
  std::string name;
  double target_average = 8;  // per ready replica
  double tolerance = 0.1;
  Duration sync_period = 15s;
  Duration metric_delay = 15s;  // the scrape and aggregation pipeline it would see the metric through
  Duration stabilize_up = 0s;
  Duration stabilize_down = 5min;
  std::int32_t up_percent = 100;  // per up_period; the larger of percent and pods wins
  std::int32_t up_pods = 4;
  Duration up_period = 15s;
  std::int32_t down_percent = 100;
  Duration down_period = 15s;
  HpaTarget type = HpaTarget::pods_average;  // of the metric above
  std::optional<double> tolerance_up;        // of one direction, in the place of `tolerance`
  std::optional<double> tolerance_down;
  std::vector<HpaMetric> metrics;
  HpaSelect up_select = HpaSelect::max;
  HpaSelect down_select = HpaSelect::max;
  std::vector<HpaScalingPolicy> up_policies;
  std::vector<HpaScalingPolicy> down_policies;
  friend bool operator==(const HpaPolicy&, const HpaPolicy&) = default;
};

// A KEDA trigger: a scaler's metric with the value it is scaled by and the one above which it is active.
struct KedaTrigger {
  Signal signal = Signal::in_flight;
  std::string name;  // of a custom signal
  double threshold = 8;
  double activation_threshold = 0;
  HpaTarget metric_type = HpaTarget::average_value;  // or value
  bool ignore_null_values = true;                    // an empty answer is 0, as of KEDA's prometheus scaler
  bool use_cached_metrics = false;                   // the HPA sees the value of the newest poll
  friend bool operator==(const KedaTrigger&, const KedaTrigger&) = default;
};

enum class KedaFallbackBehavior : std::uint8_t {
  fixed,  // "static"
  current_replicas,
  current_replicas_if_higher,
  current_replicas_if_lower,
};
template <>
inline constexpr auto enum_texts<KedaFallbackBehavior> = std::to_array<EnumText<KedaFallbackBehavior>>({
    {KedaFallbackBehavior::fixed, "static"},
    {KedaFallbackBehavior::current_replicas, "current_replicas"},
    {KedaFallbackBehavior::current_replicas_if_higher, "current_replicas_if_higher"},
    {KedaFallbackBehavior::current_replicas_if_lower, "current_replicas_if_lower"},
});

struct KedaFallback {
  std::int32_t failure_threshold = 3;
  Replicas replicas{1};
  KedaFallbackBehavior behavior = KedaFallbackBehavior::fixed;
  friend bool operator==(const KedaFallback&, const KedaFallback&) = default;
};

// KEDA's ScaledObject. minReplicaCount and maxReplicaCount are the service's own.
struct KedaPolicy {
  // Requests in the replicas, and those that wait: the latter wake it from zero.
  std::vector<KedaTrigger> triggers{{.signal = Signal::in_flight}, {.signal = Signal::queued}};
  Duration polling_interval = 30s;
  Duration cooldown_period = 5min;
  Duration initial_cooldown_period = 0s;
  std::optional<Replicas> idle_replicas;  // idleReplicaCount; KEDA's own documentation allows 0 alone
  std::optional<KedaFallback> fallback;
  Duration metric_delay = 15s;  // between two scrapes of what the trigger asks
  // Of the HorizontalPodAutoscaler it creates.
  Duration sync_period = 15s;
  double tolerance = 0.1;
  std::optional<Duration> stabilize_up;  // either of them: `behavior`, with the defaults of the other fields
  std::optional<Duration> stabilize_down;
  friend bool operator==(const KedaPolicy&, const KedaPolicy&) = default;
};

// A fixed number of replicas.
struct StaticPolicy {
  Replicas replicas{1};
  friend bool operator==(const StaticPolicy&, const StaticPolicy&) = default;
};

}  // namespace tidegate
