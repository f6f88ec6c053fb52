// The autoscaler of a Google Cloud managed instance group (MIG), with its predictive mode.
//
//   every minute, on the minute's mean seen `metric_delay` later:
//     need   = max(1, ceil(sum of the utilisations of the VMs / utilization_target))
//     stable = the highest need of the last `stabilization_period`
//     size   = max(stable, highest stable of `scale_in_window` - max_scaled_in_replicas)       the scale-in control
//   predictive: size = max(size, ceil(highest forecast of the next `initialization_period` / utilization_target))
//   mode only_scale_out never removes, off changes nothing
//
// Worked: 10 VMs at 12 with target 8: ceil(120 / 8) = 15. Load gone: 15 stay 10 minutes, then all surplus goes at
// once, with a control of 3 within 10 minutes 12 stay, then 9.
//
// VMs that are still initialising report nothing here, so they never count. The forecast, whose model Google does not
// publish, is: mean of the same ten minutes of the last days (half of it of the same weekday, once there are two
// weeks), times the smoothed ratio of the present to its own forecast; up to three weeks of history, from three days
// on. Its default target is 0.6 of a CPU, for CPU. It never leaves zero and never goes there.
#pragma once

#include "core/policy/highest_need.h"
#include "core/policy/peers/cloud_metric.h"
#include "core/policy/peers/exact_size.h"
#include "core/policy/peers/seasonal_history.h"

namespace tidegate {

struct GcpMemory {
  ExactSize size;
  PeriodMetric metric;  // the sum over the VMs
  HighestNeed needs;
  HighestNeed sizes;
  SeasonalHistory history;
  double level = 1;  // present over forecast

  friend bool operator==(const GcpMemory&, const GcpMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(size, metric, needs, sizes, history, level);
  }
};

[[nodiscard]] Proposal propose(const GcpPolicy& policy, GcpMemory& memory, const PolicyInput& input);

}  // namespace tidegate
