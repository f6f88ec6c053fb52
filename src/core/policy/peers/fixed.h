// A fixed number of replicas, whatever happens: the fleet without an auto-scaler. floor = ceiling = replicas.
#pragma once

#include "core/policy/policy.h"

namespace tidegate {

[[nodiscard]] Proposal propose(const StaticPolicy& policy, const PolicyInput& input);

}  // namespace tidegate
