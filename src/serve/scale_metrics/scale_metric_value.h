// What a service has to offer under a name, or why it has nothing. Missing is not zero: a number that was not measured
// or is stale is refused, and whoever follows keeps the size it has.
//
// So is a decision without grounds: without evidence tidegate keeps the replicas it sees, and where it sees none (in
// shadow, without a target) it would keep nothing. A decision is handed out if evidence, replicas or an operator's pin
// stand behind it.
#pragma once

#include <string>

#include "core/base/error.h"
#include "serve/runtime/control_panel.h"
#include "serve/scale_metrics/scale_metric.h"

namespace tidegate {

struct ScaleMetricQuestion {
  ScaleMetric metric;
  std::string pool;  // of desired_replicas; empty: all pools together
};

struct ScaleMetricValue {
  double value = 0;  // finite; replicas, requests, requests per second or seconds
  Instant measured{};
};

// not_found: the service has no such pool. unreachable: nothing to answer with now. invalid: the question itself.
[[nodiscard]] Result<ScaleMetricValue> scale_metric_value(const ServiceView& service,
                                                          const ScaleMetricQuestion& question);

// Whether tidegate wants any replica at all: what KEDA calls active. unreachable: the decision has no grounds.
[[nodiscard]] Result<bool> is_active(const ServiceView& service);

// A view that is older says how the world was: half a minute, or ten ticks where those are long.
[[nodiscard]] Duration view_age_max(Duration tick);
// unreachable: nothing was decided yet, or not for that long.
[[nodiscard]] Result<void> check_current(const FleetView& view, Instant now, Duration tick);

}  // namespace tidegate
