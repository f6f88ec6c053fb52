// AWS step scaling (EC2 Auto Scaling): two alarms, each with steps by how far the metric lies beyond its threshold.
//
//   out, while m >= high_threshold:  the step with  lower <= m - high_threshold < upper
//   in,  while m <= low_threshold:   the step with  lower < m - low_threshold <= upper
//   change_in_capacity a:            n + a
//   percent_change_in_capacity a:    n + rounded(n a / 100): above 1 down, between 0 and 1 to 1, and alike below zero;
//                                    at least `min_adjustment_magnitude` either way
//   exact_capacity a:                a
//   with n the instances past `instance_warmup`; out: size = max(size, that), in: min, and not while one is warming
//
// Worked (AWS's own example): 10 instances, thresholds 60 and 40, +10 % from 60 and +30 % from 70, -10 % to 40 and
// -30 % to 30. At 60: 11, at 70: 14, at 40: 13 (14 - 1.4 is 1 less), at 30: 10. While the eleventh is still warming,
// 60 adds nothing more and 70 makes it 13. The defaults are this example with 10 in flight as 100 %.
//
// The alarms look at `datapoints_to_alarm` of the last `evaluation_periods` periods, seen `metric_delay` late, and act
// again with every datapoint. Unknown datapoints never alarm.
#pragma once

#include "core/policy/peers/cloud_metric.h"
#include "core/policy/peers/exact_size.h"

namespace tidegate {

struct AwsStepMemory {
  ExactSize size;
  PeriodMetric metric;
  WarmUp warm;

  friend bool operator==(const AwsStepMemory&, const AwsStepMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(size, metric, warm);
  }
};

[[nodiscard]] Proposal propose(const AwsStepPolicy& policy, AwsStepMemory& memory, const PolicyInput& input);

}  // namespace tidegate
