#include "core/policy/peers/aws_target_tracking.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr Duration scale_in_window = 15min;
constexpr std::int32_t high_datapoints = 3;

bool is_ec2(const AwsTargetTrackingPolicy& policy) { return policy.scaler == AwsScaler::ec2_auto_scaling; }

void scale_out(const AwsTargetTrackingPolicy& policy, AwsTargetTrackingMemory& memory, const PolicyInput& input,
               double wanted) {
  const double size = rebase(memory.size, input);
  if (wanted <= size || (input.seen.now < memory.out_until && wanted <= memory.out_level)) return;
  resize(memory.size, wanted, input);
  if (is_ec2(policy)) return;
  memory.out_level = wanted;
  memory.out_until = input.seen.now + policy.scale_out_cooldown;
  memory.in_until = {};
}

void scale_in(const AwsTargetTrackingPolicy& policy, AwsTargetTrackingMemory& memory, const PolicyInput& input,
              double wanted) {
  const Instant now = input.seen.now;
  if (is_ec2(policy) ? input.warming > 0 || memory.warm.replicas() > 0 : now < memory.in_until) return;
  const double size = rebase(memory.size, input);
  if (wanted >= size) return;
  resize(memory.size, wanted, input);
  if (!is_ec2(policy)) memory.in_until = now + policy.scale_in_cooldown;
}

}  // namespace

MetricCadence cadence_of(AwsResolution resolution, std::optional<Duration> metric_delay) {
  const Duration period = resolution == AwsResolution::legacy ? Duration{60s} : Duration{10s};
  return {.period = period, .delay = metric_delay.value_or(period)};
}

void track_target(const AwsTargetTrackingPolicy& policy, AwsTargetTrackingMemory& memory, const PolicyInput& input,
                  const Reading& per_instance) {
  const auto cadence = cadence_of(policy.resolution, policy.metric_delay);
  const double target = policy.target_value;
  if (is_ec2(policy)) observe(memory.warm, input.seen.now, input.ready, policy.instance_warmup);
  if (!memory.size.started) rebase(memory.size, input);
  const double reporting = input.ready - memory.warm.replicas();
  if (!observe(memory.metric, cadence, input.seen.now, {per_instance, reporting})) return;
  const Datapoint& newest = memory.metric.seen.back();
  const double wanted = std::ceil(newest.instances * newest.value / target - 1e-9);
  const auto low_datapoints = static_cast<std::int32_t>(scale_in_window / cadence.period);
  const double low = policy.low_ratio.value_or(is_ec2(policy) ? 0.7 : 0.9) * target;
  if (rings(memory.metric, {Breach::above, target, high_datapoints, high_datapoints}))
    scale_out(policy, memory, input, wanted);
  else if (!policy.disable_scale_in && rings(memory.metric, {Breach::below, low, low_datapoints, low_datapoints}))
    scale_in(policy, memory, input, wanted);
}

Proposal propose(const AwsTargetTrackingPolicy& policy, AwsTargetTrackingMemory& memory, const PolicyInput& input) {
  const Reading average = replica_average(policy.metric, input);
  track_target(policy, memory, input, average);
  return exact_proposal("aws_target_tracking", memory.size, input, average);
}

}  // namespace tidegate
