#include "core/policy/peers/hpa.h"

#include <algorithm>
#include <array>

#include "core/policy/peers/hpa_world.h"
#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

constexpr std::size_t metrics_most = 16;  // more are not read; the configuration refuses them

std::size_t metrics_of(const HpaPolicy& policy) { return std::min(policy.metrics.size() + 1, metrics_most); }

HpaMetricView metric_of(const HpaPolicy& policy, std::size_t i) {
  if (i > 0) {
    const auto& metric = policy.metrics[i - 1];
    return {.signal = metric.signal, .name = metric.name, .type = metric.type, .target = metric.target};
  }
  return {.signal = policy.signal, .name = policy.name, .type = policy.type, .target = policy.target_average};
}

HpaBehavior behavior_of(const HpaPolicy& policy) {
  HpaBehavior behavior{
      .up = {.window = policy.stabilize_up, .select = policy.up_select, .policies = policy.up_policies},
      .down = {.window = policy.stabilize_down, .select = policy.down_select, .policies = policy.down_policies}};
  if (behavior.up.policies.empty())
    behavior.up.policies = {{.unit = HpaScalingUnit::pods, .value = policy.up_pods, .period = policy.up_period},
                            {.unit = HpaScalingUnit::percent, .value = policy.up_percent, .period = policy.up_period}};
  if (behavior.down.policies.empty())
    behavior.down.policies = {
        {.unit = HpaScalingUnit::percent, .value = policy.down_percent, .period = policy.down_period}};
  return behavior;
}

HpaBounds bounds_of(const HpaPolicy& policy, const Guardrails& limits) {
  bool can_wake = is_of_the_whole(policy.type);
  for (const auto& metric : policy.metrics) can_wake |= is_of_the_whole(metric.type);
  const std::int32_t least = std::max(limits.replicas_min.value(), can_wake ? 0 : 1);
  return {.replicas_min = least, .replicas_max = std::max(least, limits.replicas_max.value())};
}

void run_sync(const HpaPolicy& policy, HpaMemory& memory, const PolicyInput& input, const HpaBounds& bounds,
              std::int32_t asked) {
  std::array<HpaMetricSeen, metrics_most> metrics;
  for (std::size_t i = 0; i < memory.pipelines.size(); ++i)
    metrics[i] = see(metric_of(policy, i), arrived(memory.pipelines[i], policy.metric_delay, input.seen.now), input);
  const HpaBehavior behavior = behavior_of(policy);
  const HpaRules rules{.bounds = bounds,
                       .tolerance = {.up = policy.tolerance_up.value_or(policy.tolerance),
                                     .down = policy.tolerance_down.value_or(policy.tolerance)},
                       .behavior = &behavior};
  const auto outcome = sync(rules, memory.log,
                            {.now = input.seen.now,
                             .replicas = asked,
                             .status_replicas = size_there(input),
                             .scaled_to_zero = true,
                             .metrics = std::span{metrics}.first(memory.pipelines.size())});
  memory.synced = input.seen.now;
  memory.desired = outcome.replicas;
  memory.usage = outcome.winner ? outcome.proposal.usage : 0;
  memory.proposed = outcome.proposal.replicas;
  memory.reason = outcome.able_to_scale.reason;
  if (outcome.scaling_active && !outcome.scaling_active->status) memory.reason = outcome.scaling_active->reason;
  if (outcome.scaling_limited && outcome.scaling_limited->status) memory.reason = outcome.scaling_limited->reason;
}

Reason ceiling_reason(const HpaMemory& memory, std::int32_t there) {
  if (memory.desired < there) return Reason::signal_below_target;
  if (memory.reason == HpaReason::scale_down_stabilized) return Reason::hold_down;
  if (memory.reason == HpaReason::scale_down_limit) return Reason::rate_limited;
  return Reason::steady;
}

}  // namespace

Proposal propose(const HpaPolicy& policy, HpaMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  const std::size_t count = metrics_of(policy);
  if (memory.pipelines.size() != count) memory.pipelines.assign(count, MetricPipeline{});
  Reason quality = Reason::steady;
  for (std::size_t i = 0; i < count; ++i) {
    put(memory.pipelines[i], policy.metric_delay, measure(metric_of(policy, i), input));
    if (quality == Reason::steady)
      quality = missing_reason(arrived(memory.pipelines[i], policy.metric_delay, now).reading);
  }
  const HpaBounds bounds = bounds_of(policy, input.spec.guardrails);
  const std::int32_t there = size_there(input);
  const std::int32_t asked = size_asked_for(memory.started, memory.desired, input);
  if (asked == 0 && bounds.replicas_min > 0) {
    // An HPA leaves a size of zero alone; whoever sets one up starts the service.
    memory.desired = bounds.replicas_min;
    memory.reason = HpaReason::scaling_disabled;
  } else if (!memory.started || now - memory.synced >= policy.sync_period) {
    run_sync(policy, memory, input, bounds, asked);
  }
  memory.started = true;

  const WeightedReplicas desired{static_cast<double>(memory.desired)};
  Proposal proposal{.has_evidence = quality == Reason::steady, .quality = quality, .note = to_text(memory.reason)};
  proposal.band = {.floor = desired,
                   .ceiling = desired,
                   .floor_reason = memory.desired > there ? Reason::signal_above_target : Reason::steady,
                   .ceiling_reason = ceiling_reason(memory, there)};
  if (memory.usage > 0)
    proposal.facts = {{"value", static_cast<double>(memory.usage) / 1000},
                      {"proposed", static_cast<double>(memory.proposed)}};
  return proposal;
}

}  // namespace tidegate
