// Every policy's knobs, as the configuration gives them. The policies themselves are core/policy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/cron.h"
#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/peer_specs.h"
#include "core/model/signal.h"

namespace tidegate {

// Ours: holds the SLO at the lowest cost. No knob is needed; peak_rate is a prior of a new service, and forecast is
// there to be switched off beside itself.
struct SloPolicy {
  std::optional<double> peak_rate;  // requests per second the user expects at most: a prior, not a limit
  bool forecast = true;             // off: the load is expected to stay as it is
  friend bool operator==(const SloPolicy&, const SloPolicy&) = default;
};

// Proportional: need = value / target. `per_replica` divides the signal's total; otherwise the value is an
// average already (utilisation) and need = ready * value / target.
struct TargetPolicy {
  Signal signal = Signal::in_flight;
  std::string name;  // of a custom signal
  double target = 1;
  bool per_replica = true;
  double tolerance = 0.1;     // within target*(1±tolerance) the band covers the present size
  Duration hold_down = 5min;  // ceiling = highest need over this window
  friend bool operator==(const TargetPolicy&, const TargetPolicy&) = default;
};

// A floor (and optionally a ceiling) while a window of the calendar is open, by the clock of the service's time
// zone. Of `start` and `end` the later firing wins.
struct ScheduleEntry {
  Cron start;
  Cron end;
  Replicas replicas_min{0};
  std::optional<Replicas> replicas_max;
  friend bool operator==(const ScheduleEntry&, const ScheduleEntry&) = default;
};
struct SchedulePolicy {
  std::vector<ScheduleEntry> entries;
  friend bool operator==(const SchedulePolicy&, const SchedulePolicy&) = default;
};

// A line for each, so that two people who add one do not meet.
// clang-format off
using PolicySpec = std::variant<
    SloPolicy,
    TargetPolicy,
    SchedulePolicy,
    HpaPolicy,
    KedaPolicy,
    KnativePolicy,
    RayServePolicy,
    NomadPolicy,
    AwsTargetTrackingPolicy,
    AwsStepPolicy,
    AwsPredictivePolicy,
    GcpPolicy,
    SageMakerPolicy,
    DynamoPolicy,
    WvaPolicy,
    AibrixPolicy,
    KeepAlivePolicy,
    StaticPolicy>;
// clang-format on

// The key in the configuration.
[[nodiscard]] constexpr std::string_view policy_name(const PolicySpec& spec) {
  // clang-format off
  constexpr std::string_view names[] = {
      "slo",
      "target",
      "schedule",
      "hpa",
      "keda",
      "knative",
      "ray_serve",
      "nomad",
      "aws_target_tracking",
      "aws_step",
      "aws_predictive",
      "gcp",
      "sagemaker",
      "dynamo",
      "wva",
      "aibrix",
      "keep_alive",
      "static",
  };
  // clang-format on
  static_assert(std::size(names) == std::variant_size_v<PolicySpec>);
  return names[spec.index()];
}

}  // namespace tidegate
