// A simulated run as the object that `simulate -o json` prints and `compare -o json` has in its lists.
#pragma once

#include "core/base/json_writer.h"
#include "lab/sim/simulation.h"

namespace tidegate {

// Into an object that is open; the caller may add keys and ends it. `wall`: how long playing it took.
void write_simulation(JsonWriter& json, const SimulationResult& result, Duration wall);

}  // namespace tidegate
