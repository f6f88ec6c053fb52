// The limits that hold whatever a policy says, in this order; each names itself when it binds:
//
//   target_error      the target cannot be seen: nothing changes at all, and nothing is remembered as decided
//   paused            nothing changes at all
//   override          pin, floor or ceiling, until it expires; bounded by the limits below, free of the holds
//   nothing lowers    without evidence, a minute after evidence came back, after a restart until the windows are
//                     full, during a rollout, under warming replicas, within the dwell of a reversal
//   step, rate        most in one decision, most in a period (the ledger survives restarts)
//   min, max          always, also without data; they overrule step and rate
//
// A reversal is a change against the direction of the one before; the dwell begins with it. Unless the configuration
// sets it, it is the lead time; for small steps down (a replica or a tenth) it is the hold time, doubled with every
// small reversal of the last hour or so up to 30 minutes: noise at the edge of a replica comes to rest, and a real fall
// is followed at once.
// An entry whose age equals a period no longer counts.
#pragma once

#include "core/decide/plan.h"

namespace tidegate {

[[nodiscard]] StageResult guard(ServicePlan& plan);

// Writes what was decided into the memory: the ledger, the direction, the reversal.
void remember_decision(GuardMemory& memory, Instant now, std::int32_t before, std::int32_t after);

}  // namespace tidegate
