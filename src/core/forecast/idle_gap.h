// Gaps between arrivals of a sparse service, as a histogram over log-spaced lengths (20 % a bin, 10 s to two
// days), and what they say of the next arrival.
//
//   P(arrival within h | quiet for e) = (gaps in (e, e + h] + p0 / 2) / (gaps above e + 1 / 2)
//
// where p0 = 1 - exp(-rate h) is the memoryless guess, weighing as half a gap. Worked: ten gaps of 300 s, quiet for
// 290 s, h = 30 s: about (10 + ...) / 10.5 = 0.96. A service that is not sparse answers as memoryless, at its level but
// at no more than one request in the time it has been quiet.
#pragma once

#include "core/forecast/demand_history.h"

namespace tidegate {

void observe_arrival(GapHistogram& gaps, Instant at);
[[nodiscard]] bool is_sparse(const DemandHistory& history);
// From `now + from` to `now + to`.
[[nodiscard]] double arrival_probability_between(const DemandHistory& history, Instant now, double from, double to);

}  // namespace tidegate
