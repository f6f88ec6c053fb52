// What one replica of each pool carries and how long it takes to come: learned from the observation, then read.
// Warming replicas are no evidence; nor is a pool whose drainers' requests cannot be told from the others'.
//
//   weight     = rate of the pool's replica at its slots / the same of the reference pool
//   cost       = price, else GPUs, else 1, per replica and hour
//   lead time  = the 0.8 quantile of the pool's cold starts, plus one interval between observations
//   hold time  = what a cold start costs in idle time: its boot time, and the SLO's penalty for having none ready,
//                valued at four boot times (1 min .. 30 min)
//
// The lead time of the service is that of the pool bought next: the cheapest per weight with room.
#pragma once

#include "core/decide/plan.h"

namespace tidegate {

// Learns, then fills plan.pools and the decision's lead and hold time.
void size_pools(ServicePlan& plan);

}  // namespace tidegate
