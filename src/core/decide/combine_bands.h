// The policies of a service as one band: the highest floor, the highest ceiling, capped where a policy caps. A policy
// without evidence cannot lower, so its ceiling is at least what is there. Peers beside us propose on their own size
// and are only recorded. Whatever the policies, a request that waits at zero replicas asks for one.
#pragma once

#include "core/decide/plan.h"

namespace tidegate {

// Fills the decision's band and peers, may_lower and quality. The result's note names the policy whose floor counts.
[[nodiscard]] StageResult combine_bands(ServicePlan& plan);

}  // namespace tidegate
