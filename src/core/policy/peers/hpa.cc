#include "core/policy/peers/hpa.h"

#include <algorithm>
#include <cmath>

#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

constexpr std::size_t kept_most = 512;

template <class Timed>
void forget(std::vector<Timed>& all, Instant now, Duration window) {
  std::erase_if(all, [&](const Timed& one) { return now - one.at >= window; });
  if (all.size() > kept_most) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(kept_most));
}

// The newest value that is through the pipeline.
Reading delayed(HpaMemory& memory, const HpaPolicy& policy, const PolicyInput& input) {
  auto& pipeline = memory.pipeline;
  pipeline.push_back({input.seen.now, signal_reading(input.seen, policy.signal, policy.name, input.demand.interval)});
  while (pipeline.size() > 1 && pipeline[1].at + policy.metric_delay <= input.seen.now)
    pipeline.erase(pipeline.begin());
  if (pipeline.size() > kept_most) pipeline.erase(pipeline.begin());
  return pipeline.front().at + policy.metric_delay <= input.seen.now ? pipeline.front().value : Reading{};
}

std::int32_t wanted(const HpaPolicy& policy, double value, std::int32_t current) {
  const double desired = std::ceil(value / policy.target_average - 1e-9);
  if (current > 0 && std::abs(value / (policy.target_average * current) - 1) <= policy.tolerance) return current;
  return static_cast<std::int32_t>(std::clamp(desired, 0.0, 1e9));
}

std::int32_t stabilized(HpaMemory& memory, const HpaPolicy& policy, Instant now, std::int32_t current,
                        std::int32_t desired) {
  std::int32_t up = desired;
  std::int32_t down = desired;
  for (const auto& old : memory.recommendations) {
    if (now - old.at < policy.stabilize_up) up = std::min(up, old.replicas);
    if (now - old.at < policy.stabilize_down) down = std::max(down, old.replicas);
  }
  memory.recommendations.push_back({now, desired});
  forget(memory.recommendations, now, std::max({policy.stabilize_up, policy.stabilize_down, Duration{1}}));
  return std::clamp(current, std::min(up, down), std::max(up, down));
}

std::int32_t rate_limited(const HpaMemory& memory, const HpaPolicy& policy, Instant now, std::int32_t current,
                          std::int32_t size) {
  const auto start = [&](Duration period) {
    double before = current;
    for (const auto& event : memory.events)
      if (now - event.at < period) before -= event.replicas;
    return before;
  };
  if (size > current) {
    const double from = start(policy.up_period);
    const double limit = std::max(from + policy.up_pods, std::ceil(from * (1 + policy.up_percent / 100.0)));
    return std::min(size, std::max(current, static_cast<std::int32_t>(limit)));
  }
  const double from = start(policy.down_period);
  const double limit = std::trunc(from * (1 - policy.down_percent / 100.0));
  return std::max(size, std::min(current, static_cast<std::int32_t>(limit)));
}

void sync(const HpaPolicy& policy, HpaMemory& memory, const PolicyInput& input, const Reading& metric,
          std::int32_t current) {
  const Instant now = input.seen.now;
  memory.synced = now;
  memory.had_value = metric.is_fresh();
  memory.desired = current;
  if (!metric.is_fresh()) return;
  const auto size = stabilized(memory, policy, now, current, wanted(policy, metric.value, current));
  memory.desired = rate_limited(memory, policy, now, current, size);
  if (memory.desired != current) memory.events.push_back({now, memory.desired - current});
  forget(memory.events, now, std::max(policy.up_period, policy.down_period));
}

}  // namespace

Proposal propose(const HpaPolicy& policy, HpaMemory& memory, const PolicyInput& input) {
  const auto current = static_cast<std::int32_t>(std::lround(input.ready + input.warming));
  const Reading metric = delayed(memory, policy, input);
  const bool is_due = !memory.started || input.seen.now - memory.synced >= policy.sync_period;
  if (!memory.started) {
    memory.started = true;
    memory.recommendations.push_back({input.seen.now, current});
  }
  if (is_due) sync(policy, memory, input, metric, current);

  const WeightedReplicas desired{static_cast<double>(memory.desired)};
  const Reason quality = missing_reason(metric);
  Proposal proposal{.has_evidence = quality == Reason::steady, .quality = quality, .note = "hpa"};
  proposal.band = {.floor = desired,
                   .ceiling = desired,
                   .floor_reason = memory.desired > current ? Reason::signal_above_target : Reason::steady,
                   .ceiling_reason = memory.desired < current ? Reason::signal_below_target : Reason::steady};
  if (metric.is_fresh()) proposal.facts = {{"value", metric.value}, {"target", policy.target_average}};
  return proposal;
}

}  // namespace tidegate
