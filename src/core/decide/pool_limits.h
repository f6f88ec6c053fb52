// How many replicas a pool may have now: its own maximum, what can be placed, what failed.
//
// Starts that fail. The pool keeps the size it had when they began, and a further start waits 30 s, twice as long after
// each round of failures, 10 min at most, until a replica gets ready.
//
// A stock-out. Replicas for which the target knows no place are committed while it waits for one (a new node takes
// minutes); those that it gave up while nothing was available are a round. Once they are gone no more is asked for
// within 5 min, twice as long after each further round, 1 h at most. It is over when a replica gets ready, or the
// target knows a place.
#pragma once

#include "core/decide/plan.h"

namespace tidegate {

// Of what is asked for, that which has no place: all of it while none is left.
[[nodiscard]] std::int32_t unplaced(const PoolObservation& pool);

void learn_limits(StartMemory& memory, const Observation& seen, const PoolObservation& pool);

// Sets `most` and why; `present` and `ready` are known.
void limit_pool(PoolPlan& pool, const ServicePlan& plan, const StartMemory& starts);

}  // namespace tidegate
