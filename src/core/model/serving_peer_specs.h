// The knobs of Knative Serving, Ray Serve and HashiCorp's nomad-autoscaler, by their own names and defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/cron.h"
#include "core/base/enum_text.h"
#include "core/base/time.h"
#include "core/model/peer_metric.h"

namespace tidegate {

// Knative Serving's pod autoscaler, by its ConfigMap keys and annotations; min-scale and max-scale are the service's
// own `replicas`.
enum class KnativeMetric : std::uint8_t { concurrency, rps };
template <>
inline constexpr auto enum_texts<KnativeMetric> =
    std::to_array<EnumText<KnativeMetric>>({{KnativeMetric::concurrency, "concurrency"}, {KnativeMetric::rps, "rps"}});
enum class KnativeAggregation : std::uint8_t { linear, weighted_exponential };
template <>
inline constexpr auto enum_texts<KnativeAggregation> = std::to_array<EnumText<KnativeAggregation>>(
    {{KnativeAggregation::linear, "linear"}, {KnativeAggregation::weighted_exponential, "weighted_exponential"}});

struct KnativePolicy {
  KnativeMetric metric = KnativeMetric::concurrency;
  std::optional<double> target;            // per replica; none: 100 requests at once, 200 a second
  std::int32_t container_concurrency = 0;  // 0: no limit
  double target_utilization_percentage = 70;
  double target_burst_capacity = 211;  // -1: the activator is always in the path
  Duration window = 60s;
  double panic_window_percentage = 10;
  double panic_threshold_percentage = 200;
  double max_scale_up_rate = 1000;
  double max_scale_down_rate = 2;
  Duration scale_down_delay{};
  bool enable_scale_to_zero = true;
  Duration scale_to_zero_grace_period = 30s;
  Duration scale_to_zero_pod_retention_period{};
  std::int32_t activation_scale = 1;
  std::int32_t initial_scale = 1;
  Duration progress_deadline = 10min;
  KnativeAggregation metric_aggregation_algorithm = KnativeAggregation::linear;
  friend bool operator==(const KnativePolicy&, const KnativePolicy&) = default;
};

// What Ray Serve makes of the samples of its look-back window.
enum class RayAggregation : std::uint8_t { mean, max, min };
template <>
inline constexpr auto enum_texts<RayAggregation> = std::to_array<EnumText<RayAggregation>>(
    {{RayAggregation::mean, "mean"}, {RayAggregation::max, "max"}, {RayAggregation::min, "min"}});

// Ray Serve's `autoscaling_config`, by its names without the `_s` (durations carry units here). min_replicas and
// max_replicas are the service's own `replicas`.
struct RayServePolicy {
  double target_ongoing_requests = 2;  // per replica
  Duration look_back_period = 30s;
  Duration upscale_delay = 30s;
  Duration downscale_delay = 10min;
  std::optional<Duration> downscale_to_zero_delay;  // none: downscale_delay
  double upscaling_factor = 1;
  double downscaling_factor = 1;
  RayAggregation aggregation_function = RayAggregation::mean;
  Duration metrics_interval = 10s;         // samples are pushed to the controller so often
  Duration control_loop_interval = 100ms;  // and looked at so often
  friend bool operator==(const RayServePolicy&, const RayServePolicy&) = default;
};

// HashiCorp's nomad-autoscaler: checks with a strategy each, and what a policy does with their answers.
struct NomadTargetValue {
  double target = 8;        // Nomad has no default
  double threshold = 0.01;  // deviation of the factor that changes nothing
  std::optional<std::int32_t> max_scale_up;
  std::optional<std::int32_t> max_scale_down;
  friend bool operator==(const NomadTargetValue&, const NomadTargetValue&) = default;
};
// Exactly one of delta, percentage and value is given; at least one of the bounds.
struct NomadThreshold {
  std::optional<double> lower_bound;  // inclusive
  std::optional<double> upper_bound;  // exclusive
  std::optional<std::int32_t> delta;
  std::optional<double> percentage;
  std::optional<std::int32_t> value;
  std::int32_t within_bounds_trigger = 5;  // points of the query window
  friend bool operator==(const NomadThreshold&, const NomadThreshold&) = default;
};
struct NomadPassThrough {
  std::optional<std::int32_t> max_scale_up;
  std::optional<std::int32_t> max_scale_down;
  friend bool operator==(const NomadPassThrough&, const NomadPassThrough&) = default;
};
struct NomadFixedValue {
  std::int32_t value = 1;
  friend bool operator==(const NomadFixedValue&, const NomadFixedValue&) = default;
};
using NomadStrategy = std::variant<NomadTargetValue, NomadThreshold, NomadPassThrough, NomadFixedValue>;

// By UTC, from `start` (inclusive) to `end` (exclusive) or for `duration`.
struct NomadSchedule {
  Cron start;
  std::optional<Cron> end;
  Duration duration{};  // without `end`
  friend bool operator==(const NomadSchedule&, const NomadSchedule&) = default;
};
enum class NomadOnError : std::uint8_t { ignore, fail };
template <>
inline constexpr auto enum_texts<NomadOnError> =
    std::to_array<EnumText<NomadOnError>>({{NomadOnError::ignore, "ignore"}, {NomadOnError::fail, "fail"}});

struct NomadCheck {
  std::string group;  // in a group `none` counts only when all say so
  PeerMetric metric;
  Duration query_window = 1min;
  NomadOnError on_error = NomadOnError::ignore;
  std::optional<NomadSchedule> schedule;
  NomadStrategy strategy;
  friend bool operator==(const NomadCheck&, const NomadCheck&) = default;
};
struct NomadPolicy {
  Duration evaluation_interval = 10s;
  Duration cooldown = 5min;
  std::optional<Duration> cooldown_on_scale_up;  // none: cooldown
  Duration metric_delay = 15s;                   // scrapes of the metrics server it queries
  std::vector<NomadCheck> checks{NomadCheck{}};  // at most 16
  friend bool operator==(const NomadPolicy&, const NomadPolicy&) = default;
};

}  // namespace tidegate
