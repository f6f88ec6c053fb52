// A comparison as `compare -o json` prints it: {"clairvoyant", "rate_oracle", "runs", "frontier"} and, beyond these,
// "attainment" (asked for), "policies" (each one's cost at equal attainment) and, for several traces, "bounds" (of
// each; the first two keys are those of the first trace).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/json_writer.h"
#include "lab/sweep/comparison.h"

namespace tidegate {

// `walls`: how long each run took, in the order of comparison.runs. `further` may add keys to the object.
[[nodiscard]] std::string to_json(const Comparison& comparison, const std::vector<Duration>& walls,
                                  const std::function<void(JsonWriter&)>& further = {});

}  // namespace tidegate
