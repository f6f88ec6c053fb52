// The knobs of the clouds' auto-scalers, and of what serverless GPU platforms do.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/peer_metric.h"

namespace tidegate {

enum class AwsScaler : std::uint8_t { ec2_auto_scaling, application_auto_scaling };
template <>
inline constexpr auto enum_texts<AwsScaler> = std::to_array<EnumText<AwsScaler>>({
    {AwsScaler::ec2_auto_scaling, "ec2_auto_scaling"},
    {AwsScaler::application_auto_scaling, "application_auto_scaling"},
});

enum class AwsResolution : std::uint8_t { legacy, high_resolution };
template <>
inline constexpr auto enum_texts<AwsResolution> = std::to_array<EnumText<AwsResolution>>({
    {AwsResolution::legacy, "legacy"},
    {AwsResolution::high_resolution, "high_resolution"},
});

struct AwsTargetTrackingPolicy {
  PeerMetric metric;
  double target_value = 8;  // AWS has no default
  AwsScaler scaler = AwsScaler::ec2_auto_scaling;
  AwsResolution resolution = AwsResolution::legacy;
  std::optional<Duration> metric_delay;  // after a period's end; otherwise as long as a period
  std::optional<double> low_ratio;       // of the alarm to scale in; otherwise 0.7 (EC2) or 0.9
  Duration instance_warmup = 5min;       // EC2
  Duration scale_out_cooldown = 5min;    // Application Auto Scaling
  Duration scale_in_cooldown = 5min;
  bool disable_scale_in = false;
  friend bool operator==(const AwsTargetTrackingPolicy&, const AwsTargetTrackingPolicy&) = default;
};

enum class AwsForecastMode : std::uint8_t { forecast_only, forecast_and_scale };
template <>
inline constexpr auto enum_texts<AwsForecastMode> = std::to_array<EnumText<AwsForecastMode>>({
    {AwsForecastMode::forecast_only, "forecast_only"},
    {AwsForecastMode::forecast_and_scale, "forecast_and_scale"},
});

struct AwsPredictivePolicy {
  AwsTargetTrackingPolicy tracking;
  AwsForecastMode mode = AwsForecastMode::forecast_and_scale;  // AWS begins with forecast_only
  Duration scheduling_buffer_time = 5min;
  friend bool operator==(const AwsPredictivePolicy&, const AwsPredictivePolicy&) = default;
};

enum class AwsAdjustment : std::uint8_t { change_in_capacity, percent_change_in_capacity, exact_capacity };
template <>
inline constexpr auto enum_texts<AwsAdjustment> = std::to_array<EnumText<AwsAdjustment>>({
    {AwsAdjustment::change_in_capacity, "change_in_capacity"},
    {AwsAdjustment::percent_change_in_capacity, "percent_change_in_capacity"},
    {AwsAdjustment::exact_capacity, "exact_capacity"},
});

// Bounds are relative to the alarm's threshold; none is unbounded.
struct AwsStep {
  std::optional<double> lower;
  std::optional<double> upper;
  double adjustment = 0;
  friend bool operator==(const AwsStep&, const AwsStep&) = default;
};

struct AwsStepPolicy {
  PeerMetric metric;
  double high_threshold = 6;
  std::vector<AwsStep> steps_out{{.lower = 0, .upper = 1, .adjustment = 10}, {.lower = 1, .adjustment = 30}};
  double low_threshold = 4;
  std::vector<AwsStep> steps_in{{.lower = -1, .upper = 0, .adjustment = -10}, {.upper = -1, .adjustment = -30}};
  AwsAdjustment adjustment_type = AwsAdjustment::percent_change_in_capacity;
  Replicas min_adjustment_magnitude{0};
  Duration period = 60s;
  std::int32_t evaluation_periods = 3;
  std::int32_t datapoints_to_alarm = 3;
  Duration metric_delay = 60s;
  Duration instance_warmup = 5min;
  friend bool operator==(const AwsStepPolicy&, const AwsStepPolicy&) = default;
};

struct SageMakerPolicy {
  double target_value = 5;  // requests waiting or being served per instance
  AwsResolution resolution = AwsResolution::legacy;
  std::optional<Duration> metric_delay;
  Duration scale_out_cooldown = 5min;
  Duration scale_in_cooldown = 5min;
  Duration step_cooldown = 5min;  // of the step out of zero
  bool disable_scale_in = false;
  friend bool operator==(const SageMakerPolicy&, const SageMakerPolicy&) = default;
};

enum class GcpMode : std::uint8_t { on, only_scale_out, off };
template <>
inline constexpr auto enum_texts<GcpMode> = std::to_array<EnumText<GcpMode>>({
    {GcpMode::on, "on"},
    {GcpMode::only_scale_out, "only_scale_out"},
    {GcpMode::off, "off"},
});

struct GcpPolicy {
  PeerMetric metric;
  double utilization_target = 8;  // Google's 0.6 is of a CPU
  Duration stabilization_period = 10min;
  Duration initialization_period = 60s;  // also how far ahead the forecast looks
  std::optional<Replicas> max_scaled_in_replicas;
  Duration scale_in_window = 10min;
  GcpMode mode = GcpMode::on;
  bool predictive = false;
  Duration metric_delay = 60s;
  friend bool operator==(const GcpPolicy&, const GcpPolicy&) = default;
};

// Follows the need at once and keeps what is idle for a while (RunPod, Cloud Run, Baseten and their like).
struct KeepAlivePolicy {
  std::optional<double> concurrency;  // requests a replica serves at once; otherwise the learned slots
  double utilization = 1;             // the share of it that is planned for
  Duration window = 0s;               // the load is averaged over
  bool on_demand = true;              // never fewer than the load of the moment fills
  Duration keep = 10min;
  double release = 1;  // share of the excess given up at a time
  friend bool operator==(const KeepAlivePolicy&, const KeepAlivePolicy&) = default;
};

}  // namespace tidegate
