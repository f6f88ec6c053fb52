// What all services share: money per hour and GPUs. When their plans together exceed it, replicas about to be added
// are taken back one by one, from the service whose plan costs most; what is there is never lowered for the budget.
// Minima come first: a service is not taken below its own.
#pragma once

#include <span>
#include <vector>

#include "core/decide/plan.h"
#include "core/model/fleet_spec.h"

namespace tidegate {

// One result per plan, in their order.
[[nodiscard]] std::vector<StageResult> share_budget(const BudgetSpec& budget, std::span<ServicePlan> plans);

}  // namespace tidegate
