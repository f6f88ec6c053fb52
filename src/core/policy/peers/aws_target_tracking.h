// AWS target tracking, of EC2 Auto Scaling groups and of Application Auto Scaling (ECS, SageMaker variants).
//
//   m = the metric per instance, a mean over the period, seen `metric_delay` later; n = instances it was the mean of
//   out:  3 of 3 datapoints above T:           size = max(size, ceil(n m / T))
//   in:   15 minutes of them below r T:        size = min(size, ceil(n m / T))        r = 0.7 (EC2), 0.9 (Application)
//   both are asked again with every datapoint while the alarm rings; a datapoint without data rings nothing
//
//   ec2_auto_scaling            n counts instances past `instance_warmup`; nothing scales in while one is warming
//   application_auto_scaling    n counts all that report; within `scale_out_cooldown` only a size above the last one
//                               counts; within `scale_in_cooldown` nothing scales in; a scale-out cancels that
//   legacy                      periods of 60 s, delay 60 s (CloudWatch: 60 to 120 s)
//   high_resolution             periods of 10 s, delay 10 s (10 to 20 s); scaling in stays as slow
//
// Worked: T = 8, m = 12 on 4 instances for 3 minutes: ceil(4 * 12 / 8) = 6. m = 5.4 on 6 for 15 minutes: below
// 0.7 * 8 = 5.6, ceil(6 * 5.4 / 8) = 5. A step reaches the group 3 * 60 + 60 s = 4 minutes later, 40 s when high.
//
// AWS publishes behaviour, not code: the estimate follows its rounding examples (adding 1.5 adds 2, removing 1.5
// removes 1), the alarms' shape and r what users captured (EC2 r in October 2026). The responsiveness that groups made
// since November 2024 tune for themselves is not published and not here. Averages over replicas stand for the mean
// over warm ones. At zero instances the metric is undefined and it never leaves zero.
#pragma once

#include "core/policy/peers/cloud_metric.h"
#include "core/policy/peers/exact_size.h"

namespace tidegate {

struct AwsTargetTrackingMemory {
  ExactSize size;
  PeriodMetric metric;
  WarmUp warm;
  Instant out_until{};   // of the cooldowns
  double out_level = 0;  // what the last scale-out asked for
  Instant in_until{};

  friend bool operator==(const AwsTargetTrackingMemory&, const AwsTargetTrackingMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(size, metric, warm, out_until, out_level, in_until);
  }
};

[[nodiscard]] Proposal propose(const AwsTargetTrackingPolicy& policy, AwsTargetTrackingMemory& memory,
                               const PolicyInput& input);

// The same on a metric of the caller's making.
void track_target(const AwsTargetTrackingPolicy& policy, AwsTargetTrackingMemory& memory, const PolicyInput& input,
                  const Reading& per_instance);

[[nodiscard]] MetricCadence cadence_of(AwsResolution resolution, std::optional<Duration> metric_delay);

}  // namespace tidegate
