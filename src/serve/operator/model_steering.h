// How people steer a ScaledModel by hand: annotations, which every operator replica sees and which outlive all of them.
// `tidegate override`, `pause` and `resume` against an operator's API write the same ones.
//
//   tidegate.dev/paused: ""  or  "the reason"       nothing changes; until it is taken away, or
//   tidegate.dev/paused-until: 2026-03-01T08:00:00Z
//   tidegate.dev/override: pin 5 | floor 3 | ceiling 8
//   tidegate.dev/override-until: 2026-03-01T08:00:00Z   needed: an override that nobody takes back must end
//   tidegate.dev/steered-by: who
#pragma once

#include <string>

#include "edge/kubernetes/json_fields.h"
#include "serve/operator/model_record.h"

namespace tidegate {

inline constexpr std::string_view paused_annotation = "tidegate.dev/paused";
inline constexpr std::string_view paused_until_annotation = "tidegate.dev/paused-until";
inline constexpr std::string_view override_annotation = "tidegate.dev/override";
inline constexpr std::string_view override_until_annotation = "tidegate.dev/override-until";
inline constexpr std::string_view steered_by_annotation = "tidegate.dev/steered-by";

// Fills in steering and steering_problem. An override that cannot be read is a problem and steers nothing.
void read_steering(JsonView object, ModelRecord& record);

// The merge patch that makes an object's annotations say this; what is not steered is taken away.
[[nodiscard]] Json steering_change(const Steering& steering);

}  // namespace tidegate
