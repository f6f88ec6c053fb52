#include "core/policy/peers/sagemaker.h"

namespace tidegate {
namespace {

constexpr std::int32_t step_datapoints = 2;

Reading backlog_of(const PolicyInput& input) {
  Reading backlog = input.seen.in_flight;
  if (!backlog.is_fresh()) return input.seen.queued.is_fresh() && input.ready <= 0 ? input.seen.queued : backlog;
  backlog.value += input.demand.queued;
  return backlog;
}

void step_from_zero(const SageMakerPolicy& policy, SageMakerMemory& memory, const PolicyInput& input, Reading backlog) {
  const Instant now = input.seen.now;
  backlog.value = input.ready <= 0 && backlog.value > 0 ? 1 : 0;
  const auto cadence = cadence_of(AwsResolution::legacy, policy.metric_delay);
  if (!observe(memory.without_capacity, cadence, now, {backlog, 0}) || now < memory.step_until) return;
  if (!rings(memory.without_capacity, {Breach::at_or_above, 1, step_datapoints, step_datapoints})) return;
  resize(memory.tracking.size, rebase(memory.tracking.size, input) + 1, input);
  memory.step_until = now + policy.step_cooldown;
}

}  // namespace

Proposal propose(const SageMakerPolicy& policy, SageMakerMemory& memory, const PolicyInput& input) {
  const Reading backlog = backlog_of(input);
  Reading per_instance = backlog;
  if (input.ready > 0)
    per_instance.value /= input.ready;
  else
    per_instance = {};
  track_target({.target_value = policy.target_value,
                .scaler = AwsScaler::application_auto_scaling,
                .resolution = policy.resolution,
                .metric_delay = policy.metric_delay,
                .scale_out_cooldown = policy.scale_out_cooldown,
                .scale_in_cooldown = policy.scale_in_cooldown,
                .disable_scale_in = policy.disable_scale_in},
               memory.tracking, input, per_instance);
  step_from_zero(policy, memory, input, backlog);
  return exact_proposal("sagemaker", memory.tracking.size, input, backlog);
}

}  // namespace tidegate
