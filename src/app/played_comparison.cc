#include "app/played_comparison.h"

#include <fmt/format.h>

#include <chrono>

#include "app/parallel_jobs.h"
#include "lab/bounds/online_bounds.h"

namespace tidegate {
namespace {

double attainment_asked(const Slo& slo) {
  double asked = 0;
  for (const auto& objective : slo.objectives) asked = std::max(asked, fraction(objective.percentile));
  return asked;
}

Result<TraceBounds> play_bounds(const ComparisonChoice& choice, std::size_t trace, double attainment,
                                const std::atomic<bool>& stop) {
  const BoundedRun run = choice.bounded_run(trace);
  const auto plan = plan_bounds(run);
  if (!plan) return std::unexpected(plan.error());
  const SimulationWatcher watch = [&](const SimulationProgress&) { return !stop.load(); };
  TraceBounds bounds{.trace = trace};
  auto best = play_clairvoyant(run, *plan, attainment, watch);
  if (!best) return std::unexpected(best.error());
  bounds.clairvoyant = std::move(*best);
  if (stop) return bounds;
  auto oracle = play_rate_oracle(run, *plan, attainment, watch);
  if (!oracle) return std::unexpected(oracle.error());
  bounds.rate_oracle = std::move(*oracle);
  bounds.lazy_hours = lazy_capacity_within(plan->needs, plan->terms, 1 - attainment).hours;
  bounds.ski_rental_hours = replica_hours(ski_rental(plan->needs, plan->terms), plan->needs, plan->terms);
  return bounds;
}

Result<SimulationResult> play_run(const ComparisonChoice& choice, const Contestant& contestant,
                                  const ComparisonJob& job, const std::atomic<bool>& stop) {
  SimulationSpec spec = choice.simulation(job.trace, job.seed);
  spec.service.policies = contestant.policies;
  spec.service.compare_with.clear();
  if (contestant.is_recorded) spec.decider = recorded_decider(choice.recorded, spec.service);
  auto feed = choice.traces[job.trace].feed(job.seed);
  if (!feed) return std::unexpected(feed.error());
  return simulate(spec, std::move(*feed), [&](const SimulationProgress&) { return !stop.load(); });
}

}  // namespace

Result<PlayedComparison> play_comparison(const ComparisonChoice& choice, const ComparisonOrder& order,
                                         Terminal& terminal) {
  PlayedComparison played;
  Comparison& comparison = played.comparison;
  comparison.attainment = attainment_asked(choice.service.spec.slo);
  comparison.contestants = order.contestants;
  for (const auto& trace : choice.traces) comparison.traces.push_back(trace.name());
  const auto jobs = comparison_jobs(order.contestants.size(), choice.traces.size(), choice.seed, order.seeds);
  // The bounds take longest: they come first.
  const std::size_t bounded = order.with_bounds ? choice.traces.size() : 0;
  std::vector<Result<TraceBounds>> bounds(bounded);
  std::vector<Result<SimulationResult>> results(jobs.size());
  played.walls.resize(jobs.size());
  const auto play = [&](std::size_t number, const std::atomic<bool>& stop) {
    if (number < bounded) {
      bounds[number] = play_bounds(choice, number, comparison.attainment, stop);
      return;
    }
    const std::size_t job = number - bounded;
    const auto begun = std::chrono::steady_clock::now();
    results[job] = play_run(choice, order.contestants[jobs[job].contestant], jobs[job], stop);
    played.walls[job] = std::chrono::steady_clock::now() - begun;
  };
  played.interrupted =
      !run_jobs({.count = bounded + jobs.size(), .threads = order.threads, .play = play, .label = "runs"}, terminal);
  if (played.interrupted) return played;
  for (auto& one : bounds) {
    if (!one) return std::unexpected(one.error());
    comparison.bounds.push_back(std::move(*one));
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!results[i]) return std::unexpected(results[i].error());
    comparison.runs.push_back({.job = jobs[i], .result = std::move(*results[i])});
  }
  relate(comparison);
  return played;
}

}  // namespace tidegate
