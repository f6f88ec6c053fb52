// What happens when a 10-second bin is complete: predictions that have come due are scored and teach the spread of
// their forecaster, then every forecaster predicts again and the answers are mixed by trust.
//
// Trust: each forecaster's pinball loss at 0.5, 0.9 and 0.99 (the upper ones weigh more), exponentially forgotten;
// weights exp(-30 (loss / least loss - 1)), and quantiles are averaged. A leader is replaced only when 5 % worse.
// Belief: after a jump, deviations that were relative to the old level would multiply at the new one. No quantile goes
// beyond the highest rate remembered (ten seconds of the last four hours, ten minutes of the last two weeks) and its
// noise; in the first half minute any does.
// Points are remembered, not quantiles: the spread scored is the one before the new error is learned.
//
// Break: values above the answered 0.99 quantile are counted with decay 0.9; at two in quick succession the pattern
// has broken, and until the count falls below 0.4 the answer's upper quantiles hold at least the recent maximum.
#pragma once

#include <cstdint>

#include "core/forecast/demand_history.h"
#include "core/forecast/forecast.h"

namespace tidegate {

// Scores what is due at the end of bin `bin`, whose rate is in history.recent.
void score_due(DemandHistory& history, std::int64_t bin);
// Predicts from the end of bin `bin` at `now`; remembers the predictions when the bin is complete.
void predict(DemandHistory& history, std::int64_t bin, Instant now, bool is_complete);

// The highest rate an answer may name (requests per second).
[[nodiscard]] double believable(const DemandHistory& history);

// Lifts the upper quantiles to at least `maximum`: in full from 0.9 on, linearly from 0.5 (the level).
void insure(std::array<double, quantile_points>& rates, double level, double maximum);

}  // namespace tidegate
