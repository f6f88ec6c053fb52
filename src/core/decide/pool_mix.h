// Which pools a band is bought from. Raising adds the cheapest set of replicas whose weights cover the floor; lowering
// keeps the cheapest of what is there that covers
//
//   max(ceil(floor), floor(ceiling))       in weighted replicas; the lazy rule of the band
//
// Hard constraints: a pool's `most` (core/decide/pool_limits.h), the service's maximum. Pools that cannot meet the SLO
// even for a single request are left out; when none can, the fastest one is used and `slo_unreachable` is said. When
// the load asks for no change and a cheaper set would do, it is moved to (core/decide/pool_move.h, cost_switch).
//
// Worked: floor 5.2 with 3 replicas of weight 1 at $4 there; pool b has weight 2 at $6 ($3 per weight), room 1:
// missing 2.2 -> one b ($6) and one a ($4) cover 3, $10; three a cost $12.
#pragma once

#include "core/decide/plan.h"

namespace tidegate {

// Sets the targets of plan.pools. `before` and `after` of the result are replicas.
[[nodiscard]] StageResult mix_pools(ServicePlan& plan);

// Adds or takes single replicas until the pools' targets add up to `total` or no pool has room: of those that are
// there and were about to go the cheapest stay, then the cheapest pool with room is bought from; taken are what was
// about to be added, then the dearest. For limits and overrides, which count replicas and not weights.
void resize_to(ServicePlan& plan, std::int32_t total);

}  // namespace tidegate
