// The knobs of the peers: other systems' auto-scalers, shown beside ours (compare_with) or acting when chosen.
// Defaults are those of the original. The peers themselves are core/policy/peers.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/signal.h"

namespace tidegate {

// Kubernetes HorizontalPodAutoscaler v2: one pods-average or utilisation metric.
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
  friend bool operator==(const HpaPolicy&, const HpaPolicy&) = default;
};

// A fixed number of replicas.
struct StaticPolicy {
  Replicas replicas{1};
  friend bool operator==(const StaticPolicy&, const StaticPolicy&) = default;
};

}  // namespace tidegate
