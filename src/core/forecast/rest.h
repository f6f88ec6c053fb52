// An idle service rests: after an hour without an arrival its history drops what is large (recent bins, spreads of the
// forecasters, pending predictions) and keeps what is dear to learn: the rates of the last two weeks by ten minutes,
// the gaps between arrivals, the minute of the hour. Below 6 KB instead of 34.
//
// Resting, demand is answered as none (a sparse service is woken by its gaps, idle_gap.h), and quiet time goes on
// being recorded. The first arrival ends the rest; so does an hour ahead that was busy on earlier days, so that a daily
// opening is foreseen. The forecasters then start from their priors and from what was kept.
#pragma once

#include "core/forecast/demand_history.h"

namespace tidegate {

// Whether a slot of ten minutes that was busy on earlier days, after one that was not, begins within (from, to].
[[nodiscard]] bool opens_between(const DemandHistory& history, Instant from, Instant to);

[[nodiscard]] bool is_resting(const DemandHistory& history);
// Whether the newest interval ends an idle hour and nothing is foreseen.
[[nodiscard]] bool may_rest(const DemandHistory& history);
void rest(DemandHistory& history);
void end_rest(DemandHistory& history);

}  // namespace tidegate
