// SageMaker asynchronous endpoints: target tracking on the backlog per instance, and a step out of zero.
//
//   backlog = requests waiting or being served;  per instance = backlog / instances, undefined without any
//   target tracking (Application Auto Scaling, aws_target_tracking.h) of that at `target_value`
//   from zero: HasBacklogWithoutCapacity >= 1 in 2 of 2 minutes: one instance, then nothing for `step_cooldown`
//
// Worked: target 5, 60 requests on 4 instances for 3 minutes: ceil(60 / 5) = 12. AWS derives the target from what a
// request may wait: 10 s / 0.1 s a request = 100. At zero a request waits 2 minutes and the metric's delay before
// anything starts; the queue holds it meanwhile.
#pragma once

#include "core/policy/peers/aws_target_tracking.h"

namespace tidegate {

struct SageMakerMemory {
  AwsTargetTrackingMemory tracking;
  PeriodMetric without_capacity;
  Instant step_until{};

  friend bool operator==(const SageMakerMemory&, const SageMakerMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(tracking, without_capacity, step_until);
  }
};

[[nodiscard]] Proposal propose(const SageMakerPolicy& policy, SageMakerMemory& memory, const PolicyInput& input);

}  // namespace tidegate
