#include "core/policy/peers/nomad.h"

#include <algorithm>

#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

constexpr Duration step = 1s;  // of a range query

bool needs_metric(const NomadCheck& check) { return !std::holds_alternative<NomadFixedValue>(check.strategy); }

// As the query would: an average over the replicas, or the total while there are none.
Reading measured(const NomadCheck& check, const PolicyInput& input) {
  Reading reading = signal_reading(input.seen, check.metric.signal, check.metric.name, input.demand.interval);
  if (check.metric.per_replica && input.ready > 0) reading.value /= input.ready;
  return reading;
}

// Forgets what left the window, and fills the seconds since the tick before, at most a window of them.
void add_points(NomadMemory::Check& memory, Duration window, const PolicyInput& input, std::optional<double> value) {
  auto& points = memory.points;
  const Instant now = input.seen.now;
  std::erase_if(points, [&](const NomadMemory::Point& point) { return now - point.at >= window; });
  if (!value) return;
  const Instant since = now - std::min(input.demand.interval, window) + Duration{1};
  Instant at = points.empty() ? now : std::max(points.back().at + step, std::min(since, now));
  for (; at <= now; at += step) points.push_back({at, *value});
}

// None: the check has nothing to say. An error is for the caller.
std::optional<NomadAction> answer(const NomadCheck& check, const NomadMemory::Check& memory, std::int64_t count) {
  std::vector<double> values;
  values.reserve(memory.points.size());
  for (const auto& point : memory.points) values.push_back(point.value);
  return std::visit([&](const auto& strategy) { return nomad_run(strategy, values, count); }, check.strategy);
}

void evaluate(const NomadPolicy& policy, NomadMemory& memory, const PolicyInput& input,
              std::span<const Reading> arrived) {
  const Instant now = input.seen.now;
  const auto& limits = input.spec.guardrails;
  memory.evaluated = now;
  memory.own.replicas = memory.wanted = bounded(memory.own.replicas, limits);
  std::vector<NomadVote> votes;
  for (std::size_t i = 0; i < policy.checks.size(); ++i) {
    const NomadCheck& check = policy.checks[i];
    if (check.schedule && !is_open(*check.schedule, now)) continue;
    const Quality quality = arrived[i].quality;
    if (needs_metric(check) && (quality == Quality::error || quality == Quality::stale)) {
      if (check.on_error == NomadOnError::fail) return;
      continue;
    }
    if (const auto action = answer(check, memory.checks[i], memory.own.replicas))
      votes.push_back({check.group, *action});
  }
  const auto winner = nomad_winner(votes);
  if (!winner || winner->direction == NomadDirection::none) return;
  memory.wanted = bounded(static_cast<std::int32_t>(std::clamp<std::int64_t>(winner->count, 0, 1'000'000'000)), limits);
  if (memory.wanted == memory.own.replicas || (memory.cool_until && now < *memory.cool_until)) return;
  const bool is_up = memory.wanted > memory.own.replicas;
  memory.own.replicas = memory.wanted;
  memory.cool_until = now + (is_up ? policy.cooldown_on_scale_up.value_or(policy.cooldown) : policy.cooldown);
}

Band band_of(const NomadMemory& memory, std::int32_t present) {
  const std::int32_t size = memory.own.replicas;
  const bool falls_later = memory.wanted < size;
  return {.floor = WeightedReplicas{static_cast<double>(std::min(size, memory.wanted))},
          .ceiling = WeightedReplicas{static_cast<double>(std::max(size, memory.wanted))},
          .floor_reason = size > present ? Reason::signal_above_target : Reason::steady,
          .ceiling_reason = falls_later ? Reason::hold_down : Reason::signal_below_target};
}

}  // namespace

Proposal propose(const NomadPolicy& policy, NomadMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  const bool is_first = !memory.own.known;
  adopt_present(memory.own, input);
  if (is_first) memory.wanted = memory.own.replicas;
  memory.checks.resize(policy.checks.size());
  Proposal proposal{.note = "nomad"};
  std::vector<Reading> seen(policy.checks.size());
  for (std::size_t i = 0; i < policy.checks.size(); ++i) {
    const NomadCheck& check = policy.checks[i];
    if (!needs_metric(check)) continue;
    const Reading present = measured(check, input);
    if (const Reason reason = missing_reason(present); reason != Reason::steady) {
      proposal.has_evidence = false;
      proposal.quality = reason;
    }
    auto& of_check = memory.checks[i];
    put(of_check.pipeline, policy.metric_delay, {.at = now, .reading = present});
    seen[i] = arrived(of_check.pipeline, policy.metric_delay, now).reading;
    add_points(of_check, check.query_window, input, seen[i].fresh());
    if (proposal.facts.size() < 4 && seen[i].is_fresh()) proposal.facts.push_back({"metric", seen[i].value});
  }
  if (is_first || now - memory.evaluated >= policy.evaluation_interval) evaluate(policy, memory, input, seen);
  proposal.band = band_of(memory, whole_replicas(input.ready + input.warming));
  proposal.facts.push_back({"wanted", static_cast<double>(memory.wanted)});
  return proposal;
}

}  // namespace tidegate
