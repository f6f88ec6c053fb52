// The one pure function. Production, shadow mode, simulator, replay, scenarios and benchmarks all call it.
//
//   observe -> forecast -> size -> band -> mix -> budget -> guard
//
// Each stage is a free function; one wrapper runs them all, records {stage, before, after, reason} and checks
// the invariants again: never outside the limits, never lower without evidence, never lower while paused.
// Time enters only as seen.now. A `now` that does not advance answers hold and changes nothing.
#pragma once

#include <vector>

#include "core/decide/state.h"
#include "core/model/decision.h"
#include "core/model/fleet_spec.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"

namespace tidegate {

struct Step {
  ServiceState next;
  Decision decision;
};

[[nodiscard]] Step decide(const ServiceSpec& spec, ServiceState state, const Observation& seen);

struct FleetObservation {
  Instant now{};
  std::vector<Observation> services;  // in the order of the spec
};
struct FleetState {
  std::vector<ServiceState> services;  // in the order of the spec
};
struct FleetStep {
  FleetState next;
  std::vector<Decision> decisions;
};

// Runs each service up to its pool mix, then the shared budget, then the guards. `decide` is the fleet of one.
[[nodiscard]] FleetStep decide_fleet(const FleetSpec& spec, FleetState state, const FleetObservation& seen);

}  // namespace tidegate
