// Whether a replica waits for the next request of an idle service, sleeps, or is woken ahead of it: of all plans the
// one that is cheapest on average, by what the service's gaps are like (forecast/idle_gap.h).
//
// Over the classes of a gap's length, from the longest back; what it is worth to be awake rather than asleep when the
// gap comes to class i, in seconds of a replica:
//
//   gain_i = e_i (miss + boot - w_i / 2) + (1 - e_i) (kept_{i+1} - w_i)    e: the chance that the gap ends in the class
//   kept_i = clamp(gain_i, 0, boot)                                       w: the class's width
//
// since who is awake may go to sleep, and who sleeps may be woken for the price of a boot. (Asleep when the request
// comes costs the miss and the boot; awake, half the width.) A replica stays where gain > 0 and is woken, a lead time
// ahead, where gain > boot.
//
// Worked: gaps of twenty minutes, a miss worth as much, boot 20 s. Hardly a gap ends in the first classes: asleep from
// the tenth second on. Nearly every one ends in the class of 1,145 to 1,374 s: gain about 980 after twenty of them, so
// a replica is woken a lead time before it. Of a service without any gap known P(gap > t) is 600 / (600 + t): it stays
// for miss - 600 s.
#pragma once

#include "core/forecast/demand_history.h"

namespace tidegate {

// Seconds, all above zero.
struct IdleCosts {
  double miss = 0;  // what one cold start is worth avoiding, in seconds of a replica
  double boot = 0;  // billed at every start
  double lead = 0;  // a start is ordered so long before it is needed
};

struct IdlePlan {
  bool stays = false;  // a replica that is there waits on
  bool wakes = false;  // one that is not is started now
};

// `quiet`: seconds since the last arrival.
[[nodiscard]] IdlePlan idle_plan(const GapHistogram& gaps, double quiet, const IdleCosts& costs);

}  // namespace tidegate
