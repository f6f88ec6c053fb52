#include "lab/sweep/comparison.h"

#include <algorithm>
#include <map>

namespace tidegate {
namespace {

struct Mean {
  double attainment = 0, hours = 0, runs = 0;
};
// By policy and trace: the means over the seeds of each contestant.
using Means = std::map<std::pair<std::string, std::size_t>, std::map<std::size_t, Mean>>;

Means means_of(const Comparison& comparison) {
  Means means;
  for (const auto& run : comparison.runs) {
    auto& mean = means[{comparison.contestants[run.job.contestant].name, run.job.trace}][run.job.contestant];
    mean.attainment += run.result.attainment();
    mean.hours += run.result.replica_hours;
    mean.runs += 1;
  }
  return means;
}

std::vector<FrontierPoint> frontier_of_means(const std::map<std::size_t, Mean>& contestants) {
  std::vector<FrontierPoint> points;
  for (const auto& [contestant, mean] : contestants)
    points.push_back({mean.attainment / mean.runs, mean.hours / mean.runs, contestant});
  return frontier_of(std::move(points));
}

std::optional<double> ratio(double hours, const std::vector<FrontierPoint>& bound, double attainment) {
  const auto least = cost_at(bound, attainment);
  if (!least || least->cost <= 0) return std::nullopt;
  return hours / least->cost;
}

}  // namespace

std::vector<ComparisonJob> comparison_jobs(std::size_t contestants, std::size_t traces, std::uint64_t seed,
                                           std::size_t seeds) {
  std::vector<ComparisonJob> jobs;
  for (std::size_t trace = 0; trace < traces; ++trace)
    for (std::uint64_t i = 0; i < seeds; ++i)
      for (std::size_t contestant = 0; contestant < contestants; ++contestant)
        jobs.push_back({.contestant = contestant, .trace = trace, .seed = seed + i});
  return jobs;
}

const TraceBounds* Comparison::bounds_of(std::size_t trace) const {
  const auto found = std::ranges::find(bounds, trace, &TraceBounds::trace);
  return found == bounds.end() ? nullptr : &*found;
}

void relate(Comparison& comparison) {
  std::map<std::size_t, std::vector<FrontierPoint>> frontiers;
  for (const auto& bound : comparison.bounds) frontiers[bound.trace] = bound.clairvoyant.frontier();
  for (auto& run : comparison.runs)
    run.relative = ratio(run.result.replica_hours, frontiers[run.job.trace], run.result.attainment());
}

std::vector<PolicyFrontierPoint> policy_frontiers(const Comparison& comparison) {
  std::vector<PolicyFrontierPoint> all;
  for (const auto& [key, contestants] : means_of(comparison))
    for (const auto& point : frontier_of_means(contestants))
      all.push_back({.policy = key.first,
                     .trace = key.second,
                     .contestant = point.run,
                     .attainment = point.attainment,
                     .replica_hours = point.cost});
  return all;
}

std::vector<PolicyCost> costs_at_equal_attainment(const Comparison& comparison) {
  std::vector<PolicyCost> costs;
  for (const auto& [key, contestants] : means_of(comparison)) {
    const auto hours = cost_at(frontier_of_means(contestants), comparison.attainment);
    if (!hours) continue;
    PolicyCost cost{.policy = key.first, .trace = key.second, .runs = contestants.size(), .hours = *hours};
    // One contestant has no frontier to read from: it is held against the bound at what it attained itself.
    const double at = contestants.size() == 1
                          ? contestants.begin()->second.attainment / contestants.begin()->second.runs
                          : comparison.attainment;
    if (const auto* bound = comparison.bounds_of(key.second))
      cost.relative = ratio(hours->cost, bound->clairvoyant.frontier(), at);
    costs.push_back(std::move(cost));
  }
  return costs;
}

}  // namespace tidegate
