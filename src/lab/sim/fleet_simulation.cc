#include "lab/sim/fleet_simulation.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "core/base/check.h"
#include "core/decide/decide.h"
#include "lab/sim/simulation_run.h"

namespace tidegate {
namespace {

FleetSpec fleet_of(const FleetSimulationSpec& spec) {
  FleetSpec fleet{.budget = spec.budget};
  for (const auto& service : spec.services) {
    const auto& first = spec.services.front();
    CHECK(service.tick == first.tick && service.start == first.start && service.warm_up == first.warm_up &&
          !service.decider);
    fleet.services.push_back(service.service);
  }
  return fleet;
}

SimulationProgress progress_of(const std::deque<SimulationRun>& runs, Duration played) {
  SimulationProgress progress{.played = played};
  for (const auto& run : runs) progress.requests += run.arrived();
  return progress;
}

}  // namespace

Result<std::vector<SimulationResult>> simulate_fleet(const FleetSimulationSpec& spec, std::vector<RequestFeed> feeds,
                                                     const SimulationWatcher& watch) {
  CHECK(!spec.services.empty() && feeds.size() == spec.services.size());
  const auto fleet = fleet_of(spec);
  std::deque<SimulationRun> runs;  // a run stays where it was made
  for (std::size_t i = 0; i < feeds.size(); ++i) runs.emplace_back(spec.services[i], std::move(feeds[i]));
  FleetState state;
  bool cancelled = false;
  Duration played{}, asked{};
  const auto is_over = [&](const SimulationRun& run) { return run.is_over(played); };
  while (!std::ranges::all_of(runs, is_over) && !cancelled) {
    if (watch && played - asked >= 1min) {
      asked = played;
      cancelled = !watch(progress_of(runs, played));
      if (cancelled) break;
    }
    FleetObservation seen{.now = spec.services.front().start + played};
    for (auto& run : runs) seen.services.push_back(run.look(played));
    auto step = decide_fleet(fleet, std::move(state), seen);
    state = std::move(step.next);
    for (std::size_t i = 0; i < runs.size(); ++i) runs[i].follow(seen.services[i], step.decisions[i], played);
    played += spec.services.front().tick;
  }
  std::vector<SimulationResult> results;
  for (auto& run : runs) {
    auto result = run.finish(played, cancelled);
    if (!result) return std::unexpected(result.error());
    results.push_back(std::move(*result));
  }
  return results;
}

}  // namespace tidegate
