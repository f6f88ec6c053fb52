// Several services in virtual time under one budget: each has its own traffic and plant, `decide_fleet` decides for all
// of them at each tick, as in production. Without a budget each fares exactly as it would alone (simulation.h).
//
// When their plans together cost more than the budget, replicas about to be added are taken back one by one from the
// service whose plan costs most; minima come first, and what is there is never lowered for the budget
// (core/decide/fleet_budget.h). SimulationResult::budget_capped says how long each was held back.
#pragma once

#include <vector>

#include "core/model/fleet_spec.h"
#include "lab/sim/simulation.h"

namespace tidegate {

struct FleetSimulationSpec {
  BudgetSpec budget;
  // Of one tick, start and warm-up; none brings a decider. The run lasts until the longest is over, and the others are
  // decided for and billed until then.
  std::vector<SimulationSpec> services;
};

// One result a service, in order. Fails where a feed does.
[[nodiscard]] Result<std::vector<SimulationResult>> simulate_fleet(const FleetSimulationSpec& spec,
                                                                   std::vector<RequestFeed> feeds,
                                                                   const SimulationWatcher& watch = {});

}  // namespace tidegate
