// A comparison as `compare -o json` prints it: {"clairvoyant", "rate_oracle", "runs", "frontier"} and, beyond these,
// "attainment" (asked for), "policies" (each one's cost at equal attainment) and, for several traces, "bounds" (of
// each; the first two keys are those of the first trace).
#pragma once

#include <string>
#include <vector>

#include "lab/sweep/comparison.h"

namespace tidegate {

// `walls`: how long each run took, in the order of comparison.runs.
[[nodiscard]] std::string to_json(const Comparison& comparison, const std::vector<Duration>& walls);

}  // namespace tidegate
