#include "core/policy/peers/aws_step.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

const AwsStep* step_of(const std::vector<AwsStep>& steps, double beyond, bool is_out) {
  const auto found = std::ranges::find_if(steps, [&](const AwsStep& step) {
    if (is_out) return (!step.lower || beyond >= *step.lower) && (!step.upper || beyond < *step.upper);
    return (!step.lower || beyond > *step.lower) && (!step.upper || beyond <= *step.upper);
  });
  return found == steps.end() ? nullptr : &*found;
}

// Toward zero, but never to nothing.
double rounded(double change) {
  if (change == 0) return 0;
  return std::abs(change) < 1 ? std::copysign(1.0, change) : std::trunc(change + std::copysign(1e-9, change));
}

double adjusted(const AwsStepPolicy& policy, double n, double adjustment) {
  if (policy.adjustment_type == AwsAdjustment::exact_capacity) return adjustment;
  if (policy.adjustment_type == AwsAdjustment::change_in_capacity) return n + adjustment;
  const double change = rounded(n * adjustment / 100);
  const double least = policy.min_adjustment_magnitude.value();
  return n + (std::abs(change) < least ? std::copysign(least, adjustment) : change);
}

void look(const AwsStepPolicy& policy, AwsStepMemory& memory, const PolicyInput& input) {
  const double value = memory.metric.seen.back().value;
  const auto alarm = [&](Breach breach, double threshold) {
    return rings(memory.metric, {breach, threshold, policy.evaluation_periods, policy.datapoints_to_alarm});
  };
  const double size = rebase(memory.size, input);
  const double warming = input.warming + memory.warm.replicas();
  const double n = std::max(size - warming, 0.0);
  if (alarm(Breach::at_or_above, policy.high_threshold)) {
    if (const auto* step = step_of(policy.steps_out, value - policy.high_threshold, true))
      resize(memory.size, std::max(size, adjusted(policy, n, step->adjustment)), input);
  } else if (warming <= 0 && alarm(Breach::at_or_below, policy.low_threshold)) {
    if (const auto* step = step_of(policy.steps_in, value - policy.low_threshold, false))
      resize(memory.size, std::min(size, adjusted(policy, n, step->adjustment)), input);
  }
}

}  // namespace

Proposal propose(const AwsStepPolicy& policy, AwsStepMemory& memory, const PolicyInput& input) {
  const Reading average = replica_average(policy.metric, input);
  if (!memory.size.started) rebase(memory.size, input);
  observe(memory.warm, input.seen.now, input.ready, policy.instance_warmup);
  const MetricCadence cadence{.period = policy.period, .delay = policy.metric_delay};
  if (observe(memory.metric, cadence, input.seen.now, {average, input.ready}) && memory.metric.seen.back().known)
    look(policy, memory, input);
  return exact_proposal("aws_step", memory.size, input, average);
}

}  // namespace tidegate
