// A move between the pools of a service: what is there is replaced by the cheapest set of replicas that weighs as much.
//
//   begins      when that set costs a seventh less than what is there, nothing warms and the size lies in the band
//   adds        what the set lacks, when nothing warms; what waits for a place is not waited for
//   takes away  what the set does not have, once nothing of the set is missing and as long as the *ready* replicas that
//               stay carry the floor. Where the service's maximum leaves no room to add, that goes first
//   ends        when what is there is the set, when no such set can be had any more, or when the load needs more
//
// It keeps the weight it found, as long as that lies in the band: a move alone makes no service smaller.
#pragma once

#include <vector>

#include "core/decide/plan.h"

namespace tidegate {

// One step of a move, if there is something to do: the targets of plan.pools. `order`: pools to buy from, cheapest per
// weight first. False: nothing changed.
bool move_pools(ServicePlan& plan, const std::vector<std::size_t>& order);

}  // namespace tidegate
