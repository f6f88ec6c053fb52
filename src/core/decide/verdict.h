// The one word and the one reason of a decision, read off a plan whose stages are through.
#pragma once

#include "core/decide/plan.h"

namespace tidegate {

// Fills the decision's pools, verdict, reason and unlocks.
void conclude(ServicePlan& plan);

}  // namespace tidegate
