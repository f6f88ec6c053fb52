// Reports as one HTML file that asks nobody for anything: tables and inline SVG, no script, no font, no outside
// address.
#pragma once

#include <string>
#include <vector>

#include "lab/sim/simulation.h"
#include "lab/sweep/comparison.h"

namespace tidegate {

// Replicas and band over time, queue, attainment, and the figures of the run.
[[nodiscard]] std::string simulation_page(const SimulationResult& result);

// The frontier of each trace, every run's figures beside the bounds, and the replicas of each policy's best run.
[[nodiscard]] std::string comparison_page(const Comparison& comparison);

}  // namespace tidegate
