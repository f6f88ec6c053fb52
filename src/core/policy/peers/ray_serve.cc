#include "core/policy/peers/ray_serve.h"

#include <algorithm>

#include "core/policy/peers/ongoing.h"
#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

constexpr std::int64_t samples_most = 128;  // of a look-back window
constexpr Duration stale_least = 10s;
constexpr double last_value_least = 1e-3;  // seconds

void sample(const RayServePolicy& policy, RayServeMemory& memory, Instant now, double value) {
  // Finer ticks than the bound allows are thinned; a first request is not lost by it.
  const double spacing = seconds(policy.look_back_period) / samples_most;
  if (memory.samples.empty() || seconds(now) - memory.samples.back().at >= spacing)
    memory.samples.push_back({seconds(now), value});
  else if (memory.samples.back().value == 0)
    memory.samples.back().value = value;
}

void push(const RayServePolicy& policy, RayServeMemory& memory, Instant now) {
  const double oldest = seconds(now - policy.look_back_period);
  std::erase_if(memory.samples, [&](const LoadPoint& point) { return point.at < oldest; });
  memory.reported = static_cast<std::uint32_t>(memory.samples.size());
  memory.pushed = now;
}

// What the controller believes is ongoing.
double reported(const RayServePolicy& policy, RayServeMemory& memory, Instant now) {
  if (now - memory.pushed >= std::max(2 * policy.metrics_interval, Duration{stale_least})) {
    memory.samples.clear();
    memory.reported = 0;
  }
  if (memory.reported == 0) return 0;
  const auto series = std::span{memory.samples}.first(memory.reported);
  const double held = std::max(seconds(now) - series.back().at, last_value_least);
  return aggregate(series, policy.aggregation_function, {.last_window = held}).value_or(0);
}

std::int32_t next_size(const RayServePolicy& policy, RayServeMemory& memory, const PolicyInput& input,
                       const RayLoad& load) {
  const auto& limits = input.spec.guardrails;
  if (const auto woken = ray_cold_start(policy, load)) {
    memory.wanted = bounded(*woken, limits);
    return memory.wanted;
  }
  const std::int32_t wanted = ray_factored(policy, ray_core(policy, load), load.target);
  memory.wanted = bounded(wanted, limits);
  return bounded(ray_delayed(policy, memory.delay, input.seen.now, wanted, load.target), limits);
}

Band band_of(const RayServeMemory& memory, std::int32_t present, bool is_waking) {
  const std::int32_t size = memory.own.replicas;
  const bool falls_later = memory.wanted < size;
  return {.floor = WeightedReplicas{static_cast<double>(std::min(size, memory.wanted))},
          .ceiling = WeightedReplicas{static_cast<double>(std::max(size, memory.wanted))},
          .floor_reason = size <= present ? Reason::steady
                          : is_waking     ? Reason::activate_request
                                          : Reason::signal_above_target,
          .ceiling_reason = falls_later ? Reason::hold_down : Reason::signal_below_target};
}

}  // namespace

Proposal propose(const RayServePolicy& policy, RayServeMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  const bool is_first = !memory.own.known;
  adopt_present(memory.own, input);
  const Reading ongoing = ongoing_reading(input.seen);
  const std::int32_t running = whole_replicas(input.ready);
  const bool is_waking = running == 0 && ongoing.fresh().value_or(0) > 0;
  if (const auto value = ongoing.fresh()) {
    sample(policy, memory, now, *value);
    if (memory.reported == 0 || is_waking || now - memory.pushed >= policy.metrics_interval) push(policy, memory, now);
  }
  const RayLoad load{.running = running, .target = memory.own.replicas, .ongoing = reported(policy, memory, now)};
  if (is_first || now - memory.looped >= policy.control_loop_interval) {
    memory.looped = now;
    memory.own.replicas = next_size(policy, memory, input, load);
  }
  const Reason quality = missing_reason(ongoing);
  return {.band = band_of(memory, whole_replicas(input.ready + input.warming), is_waking),
          .has_evidence = quality == Reason::steady,
          .quality = quality,
          .note = "ray_serve",
          .facts = {{"ongoing", load.ongoing},
                    {"target", policy.target_ongoing_requests},
                    {"wanted", static_cast<double>(memory.wanted)}}};
}

}  // namespace tidegate
