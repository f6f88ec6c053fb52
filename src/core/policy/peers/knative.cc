#include "core/policy/peers/knative.h"

#include <algorithm>

#include "core/policy/peers/knative_target.h"
#include "core/policy/peers/ongoing.h"
#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

constexpr Duration bucket = 1s;
constexpr Duration tick = 2s;

Duration panic_window(const KnativePolicy& policy) {
  return knative_panic_window(policy.window, policy.panic_window_percentage, bucket);
}

KnativeScaleSettings settings_of(const KnativePolicy& policy) {
  const auto aim = knative_target({.metric = policy.metric,
                                   .container_concurrency = static_cast<double>(policy.container_concurrency),
                                   .target = policy.target,
                                   .utilization_percentage = policy.target_utilization_percentage});
  return {.target = aim.target,
          .total = aim.total,
          .target_burst_capacity = policy.target_burst_capacity,
          .panic_threshold = policy.panic_threshold_percentage / 100,
          .max_scale_up_rate = policy.max_scale_up_rate,
          .max_scale_down_rate = policy.max_scale_down_rate,
          .stable_window = policy.window,
          .scale_down_delay = policy.scale_down_delay,
          .activation_scale = policy.activation_scale};
}

Reading measured(const KnativePolicy& policy, const PolicyInput& input) {
  if (policy.metric == KnativeMetric::concurrency) return ongoing_reading(input.seen);
  Reading rate = signal_reading(input.seen, Signal::arrivals, {}, input.demand.interval);
  if (rate.quality == Quality::absent && input.demand.arrivals_known)
    rate = Reading::of(input.demand.arrivals / std::max(seconds(input.demand.interval), 1e-9));
  return rate;
}

void start(const KnativePolicy& policy, KnativeMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  memory.stable = BucketWindow{policy.window, bucket};
  memory.panic = BucketWindow{panic_window(policy), bucket};
  memory.scale = knative_start(settings_of(policy), now, whole_replicas(input.ready));
  memory.state = memory.own.replicas == 0 ? KnativeState::inactive
                 : input.ready > 0        ? KnativeState::active
                                          : KnativeState::activating;
  memory.state_since = memory.proxied_since = now;
  memory.is_proxied = memory.own.replicas == 0;
}

// One report a bucket, of the mean since the one before; a slower tick stands for each of its seconds. A first request
// is reported at once.
void report(const KnativePolicy& policy, KnativeMemory& memory, const PolicyInput& input, double value,
            bool is_waking) {
  const Instant now = input.seen.now;
  const Duration elapsed = std::clamp(input.demand.interval, Duration{1}, policy.window);
  KnativeReport& report = memory.report;
  report.area += value * seconds(elapsed);
  report.span += elapsed;
  const std::int64_t slot = slot_of(now, bucket);
  if (report.slot && slot <= *report.slot && !is_waking) return;
  const double mean = report.area / seconds(report.span);
  const std::int64_t since = slot_of(now - elapsed, bucket) + 1;
  const std::int64_t from = std::min(report.slot ? std::max(*report.slot + 1, since) : slot, slot);
  for (std::int64_t i = from; i <= slot; ++i) {
    memory.stable.record(Instant{bucket * i}, mean);
    memory.panic.record(Instant{bucket * i}, mean);
  }
  report = {.slot = slot};
}

void enter(KnativeMemory& memory, KnativeState state, Instant now) {
  if (memory.state == state) return;
  memory.state = state;
  memory.state_since = now;
}

void proxy(KnativeMemory& memory, bool is_proxied, Instant now) {
  if (memory.is_proxied == is_proxied) return;
  memory.is_proxied = is_proxied;
  memory.proxied_since = now;
}

void apply(const KnativePolicy& policy, KnativeMemory& memory, const PolicyInput& input, const KnativeScale& scale) {
  const Instant now = input.seen.now;
  const auto& limits = input.spec.guardrails;
  const std::int32_t ready = whole_replicas(input.ready);
  memory.has_initial_scale = memory.has_initial_scale || ready >= policy.initial_scale;
  const auto applied = knative_apply({.enable_scale_to_zero = policy.enable_scale_to_zero,
                                      .grace = policy.scale_to_zero_grace_period,
                                      .stable_window = policy.window,
                                      .pod_retention = policy.scale_to_zero_pod_retention_period,
                                      .progress_deadline = policy.progress_deadline,
                                      .target_burst_capacity = policy.target_burst_capacity,
                                      .min_scale = limits.replicas_min.value(),
                                      .max_scale = limits.replicas_max.value(),
                                      .initial_scale = policy.initial_scale,
                                      .target_initialized = memory.has_initial_scale,
                                      .state = memory.state,
                                      .in_state = now - memory.state_since,
                                      .proxied = memory.is_proxied ? now - memory.proxied_since : Duration::zero(),
                                      .current = memory.own.replicas,
                                      .desired = scale.desired});
  if (applied.is_written) memory.own.replicas = applied.desired;
  proxy(memory, applied.desired <= 0 || scale.excess_burst_capacity < 0, now);
  if (applied.desired == 0)
    enter(memory, KnativeState::inactive, now);
  else if (ready < std::max(limits.replicas_min.value(), 1) &&
           (applied.desired > 0 || memory.state != KnativeState::inactive))
    enter(memory, KnativeState::activating, now);
  else if (applied.desired > 0 || memory.state != KnativeState::inactive)
    enter(memory, KnativeState::active, now);
}

Band band_of(const KnativeMemory& memory, std::int32_t present, bool is_waking) {
  const std::int32_t size = memory.own.replicas;
  const bool falls_later = memory.measured < size;
  const Reason kept = memory.measured > 0 ? Reason::hold_down : Reason::idle_timeout;
  return {.floor = WeightedReplicas{static_cast<double>(std::min(size, memory.measured))},
          .ceiling = WeightedReplicas{static_cast<double>(size)},
          .floor_reason = size <= present ? Reason::steady
                          : is_waking     ? Reason::activate_request
                                          : Reason::signal_above_target,
          .ceiling_reason = falls_later                       ? kept
                            : memory.measured > 0 || size > 0 ? Reason::signal_below_target
                                                              : Reason::idle_timeout};
}

}  // namespace

Proposal propose(const KnativePolicy& policy, KnativeMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  const bool is_first = !memory.own.known;
  adopt_present(memory.own, input);
  if (is_first) start(policy, memory, input);
  const Reading reading = measured(policy, input);
  const bool is_waking = memory.own.replicas == 0 && reading.fresh().value_or(0) > 0;
  if (const auto value = reading.fresh()) report(policy, memory, input, std::max(*value, 0.0), is_waking);
  KnativeScaleInput seen{.ready = whole_replicas(input.ready)};
  if (reading.is_fresh() || !memory.stable.is_empty(now))
    seen.windows = {.stable = memory.stable.average(now, policy.metric_aggregation_algorithm),
                    .panic = memory.panic.average(now, policy.metric_aggregation_algorithm)};
  if (is_first || is_waking || now - memory.ticked >= tick) {
    memory.ticked = now;
    if (const auto scale = knative_scale(settings_of(policy), memory.scale, now, seen)) {
      memory.measured = bounded(scale->measured, input.spec.guardrails);
      apply(policy, memory, input, *scale);
    }
  }
  const Reason quality = missing_reason(reading);
  Proposal proposal{.band = band_of(memory, whole_replicas(input.ready + input.warming), is_waking),
                    .has_evidence = quality == Reason::steady,
                    .quality = quality,
                    .note = memory.scale.panic_since ? "knative: panic" : "knative"};
  if (seen.windows) proposal.facts = {{"stable", seen.windows->stable}, {"panic", seen.windows->panic}};
  proposal.facts.push_back({"wanted", static_cast<double>(memory.measured)});
  return proposal;
}

}  // namespace tidegate
