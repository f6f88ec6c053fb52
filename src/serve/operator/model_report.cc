#include "serve/operator/model_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serve/api/reason_text.h"
#include "serve/runtime/control_loop.h"
#include "serve/runtime/evidence.h"

namespace tidegate {
namespace {

// What a condition says before it is known since when.
struct Finding {
  bool holds = false;
  std::string reason;
  std::string message;
};

Instant to_whole_seconds(Instant at) { return std::chrono::floor<std::chrono::seconds>(at); }

std::string sentence(Reason reason) {
  const auto& text = reason_text(reason);
  return fmt::format("{} {}", text.meaning, text.advice);
}

Finding because(bool holds, Reason reason, std::string message = {}) {
  return {holds, std::string(to_text(reason)), message.empty() ? sentence(reason) : std::move(message)};
}

const TargetProblem* find_problem(const ServiceView& view, Reason reason) {
  const auto found = std::ranges::find(view.problems, reason, &TargetProblem::reason);
  return found == view.problems.end() ? nullptr : &*found;
}

// The first stage whose reason is one of these, the last stages first: they had the last word.
template <std::size_t count>
std::optional<Reason> stage_reason(const Decision& decision, const Reason (&reasons)[count]) {
  if (std::ranges::find(reasons, decision.reason) != std::end(reasons)) return decision.reason;
  for (auto stage = decision.stages.rbegin(); stage != decision.stages.rend(); ++stage)
    if (std::ranges::find(reasons, stage->reason) != std::end(reasons)) return stage->reason;
  return std::nullopt;
}

constexpr Reason limits[] = {Reason::at_max,       Reason::pool_at_max,    Reason::budget_cap,
                             Reason::step_limited, Reason::rate_limited,   Reason::capacity_unavailable,
                             Reason::gpu_busy,     Reason::slo_unreachable};
constexpr Reason blindness[] = {Reason::no_data, Reason::signals_stale, Reason::signals_error};

std::optional<Reason> blind_reason(const Decision& decision) {
  for (const auto& stage : decision.stages)
    if (stage.stage == Stage::observe && std::ranges::find(blindness, stage.reason) != std::end(blindness))
      return stage.reason;
  return std::nullopt;
}

Finding find_ready(const ServiceView& view, const ModelContext& context) {
  if (!context.refusal.empty()) return {false, context.refusal_reason, context.refusal};
  if (const auto* problem = find_problem(view, Reason::target_error))
    return because(false, problem->reason, problem->message);
  return {true, "valid", "The spec is valid and its workloads were found."};
}

Finding find_metrics_available(const ServiceView& view) {
  if (const auto reason = blind_reason(view.decision)) return because(false, *reason);
  return {true, "fresh", "The signals are fresh."};
}

Finding find_scaling_active(const ServiceView& view) {
  if (view.spec->mode == Mode::shadow) return because(false, Reason::shadow);
  if (view.steering.pause) return because(false, Reason::paused);
  for (const Reason reason : {Reason::conflict, Reason::target_error})
    if (const auto* problem = find_problem(view, reason)) return because(false, reason, problem->message);
  return {true, "acting", "Decisions are carried out."};
}

Finding find_limited(const ServiceView& view) {
  if (const auto* problem = find_problem(view, Reason::capacity_unavailable))
    return because(true, problem->reason, problem->message);
  if (const auto reason = stage_reason(view.decision, limits)) return because(true, *reason);
  return {false, "within_limits", "No bound, budget or lack of room keeps it from the size it wants."};
}

Finding find_fallback(const ServiceView& view) {
  if (const auto reason = blind_reason(view.decision)) return because(true, *reason);
  return {false, "measured", "Decisions rest on measurements."};
}

Finding find_paused(const ServiceView& view) {
  if (!view.steering.pause) return {false, "running", "Nobody paused it."};
  const auto& pause = *view.steering.pause;
  return {true, "paused",
          fmt::format("Paused by {}{}{}.", pause.author.empty() ? "an operator" : pause.author,
                      pause.comment.empty() ? "" : ": ", pause.comment)};
}

Finding find_conflict(const ServiceView& view) {
  if (const auto* problem = find_problem(view, Reason::conflict))
    return because(true, Reason::conflict, problem->message);
  return {false, "sole_writer", "Nobody else writes the size."};
}

void add_condition(ModelStatus& status, ModelConditionType type, Finding finding, const ModelStatus& before,
                   Instant now) {
  const auto* known = find_condition(before, type);
  status.facts.conditions.push_back(
      {.type = type,
       .holds = finding.holds,
       .reason = std::move(finding.reason),
       .message = std::move(finding.message),
       .since = known != nullptr && known->holds == finding.holds ? known->since : to_whole_seconds(now)});
}

ModelPool pool_of(const PoolSpec& spec, const ServiceView& view) {
  ModelPool pool{.name = spec.name};
  const auto& decided = view.decision.pools;
  if (const auto found = std::ranges::find(decided, spec.name, &PoolDecision::pool); found != decided.end())
    pool.desired = found->replicas.value();
  const auto& seen = view.seen.pools;
  if (const auto found = std::ranges::find(seen, spec.name, &PoolObservation::pool); found != seen.end()) {
    pool.requested = found->requested;
    pool.starting = found->starting;
    pool.loading = found->loading;
    pool.ready = found->ready;
    pool.draining = found->draining;
    pool.failed = found->failed;
  }
  for (const auto& problem : view.problems) {
    if (problem.pool != spec.name) continue;
    if (problem.reason == Reason::capacity_unavailable) pool.unschedulable += problem.replicas;
    if (pool.message.empty()) pool.message = problem.message;
  }
  return pool;
}

bool differ_in_size(const std::vector<ModelPool>& one, const std::vector<ModelPool>& other) {
  return !std::ranges::equal(
      one, other, [](const ModelPool& a, const ModelPool& b) { return a.name == b.name && a.desired == b.desired; });
}

std::int32_t committed(const ServiceView& view) {
  std::int32_t sum = 0;
  for (const auto& pool : view.seen.pools) sum += pool.committed().value();
  return sum;
}

void note_change(ModelStatus& status, const ServiceView& view, const ModelStatus& before) {
  const auto& decision = view.decision;
  auto& changes = status.facts.changes;
  changes = before.facts.changes;
  if (decision.verdict == Verdict::hold || !differ_in_size(status.facts.pools, before.facts.pools)) return;
  const std::int32_t from = before.facts.desired.value_or(committed(view));
  changes.insert(changes.begin(), {.at = to_whole_seconds(decision.now),
                                   .from = from,
                                   .to = decision.total().value(),
                                   .verdict = decision.verdict,
                                   .reason = std::string(to_text(decision.reason)),
                                   .message = headline(decision, Replicas{from})});
  if (changes.size() > model_changes_max) changes.resize(model_changes_max);
}

double rounded(double replicas) { return std::round(replicas * 10) / 10; }

ModelDecision decision_of(const Decision& decision, Replicas present, const ModelStatus& before) {
  ModelDecision now{.at = to_whole_seconds(decision.now),
                    .verdict = decision.verdict,
                    .reason = std::string(to_text(decision.reason)),
                    .message = headline(decision, present),
                    .until = decision.unlocks ? std::optional(to_whole_seconds(*decision.unlocks)) : std::nullopt};
  const auto& known = before.drift.decision;
  if (known && known->verdict == now.verdict && known->reason == now.reason) now.at = known->at;
  return now;
}

void report_drift(ModelDrift& drift, const ServiceView& view, const ModelContext& context, const ModelStatus& before) {
  const auto& decision = view.decision;
  drift.band = ModelBand{.floor = rounded(decision.band.floor.value()),
                         .ceiling = rounded(decision.band.ceiling.value()),
                         .floor_reason = std::string(to_text(decision.band.floor_reason)),
                         .ceiling_reason = std::string(to_text(decision.band.ceiling_reason))};
  drift.decision = decision_of(decision, Replicas{committed(view)}, before);
  // Rounded down, so that 100 % means all of them.
  if (view.attainment_known) drift.attainment = std::floor(view.attainment * 1000) / 1000;
  for (const auto& peer : decision.peers)
    drift.peers.push_back({.policy = std::string(peer.policy), .replicas = peer.replicas.value()});
  drift.leader = context.leader;
  drift.epoch = context.epoch;
}

}  // namespace

ModelStatus report_model(const ServiceView& view, const ModelContext& context, const ModelStatus& before) {
  const Instant now = view.decision.now;
  ModelStatus status;
  auto& facts = status.facts;
  facts.generation = context.generation;
  facts.mode = view.spec->mode;
  facts.desired = view.decision.total().value();
  facts.ready = 0;
  for (const auto& spec : view.spec->pools) {
    facts.pools.push_back(pool_of(spec, view));
    *facts.ready += facts.pools.back().ready;
  }
  add_condition(status, ModelConditionType::ready, find_ready(view, context), before, now);
  add_condition(status, ModelConditionType::metrics_available, find_metrics_available(view), before, now);
  add_condition(status, ModelConditionType::scaling_active, find_scaling_active(view), before, now);
  add_condition(status, ModelConditionType::limited, find_limited(view), before, now);
  add_condition(status, ModelConditionType::fallback, find_fallback(view), before, now);
  add_condition(status, ModelConditionType::paused, find_paused(view), before, now);
  add_condition(status, ModelConditionType::conflict, find_conflict(view), before, now);
  note_change(status, view, before);
  report_drift(status.drift, view, context, before);
  return status;
}

bool waits_for_evidence(const ServiceView& view, const ModelContext& context, const ModelStatus& before) {
  return !before.facts.conditions.empty() && before.facts.generation == context.generation &&
         !has_evidence(view.decision);
}

ModelStatus report_refused(const ModelContext& context, const ModelStatus& before, Instant now) {
  ModelStatus status = before;
  status.facts.generation = context.generation;
  status.facts.conditions.clear();
  add_condition(status, ModelConditionType::ready, {false, context.refusal_reason, context.refusal}, before, now);
  add_condition(status, ModelConditionType::scaling_active,
                {false, context.refusal_reason, "Nothing is decided until the spec can be carried out."}, before, now);
  status.drift.leader = context.leader;
  status.drift.epoch = context.epoch;
  return status;
}

}  // namespace tidegate
