// Numbers, times and named facts as people read them. A fact's unit follows from its name: whole names first, then
// what the name ends with; a name without a rule is a bare number.
#pragma once

#include <string>
#include <string_view>

#include "core/base/time.h"

namespace tidegate {

// Three significant digits, no exponent below a million; "unknown" for what is no number.
[[nodiscard]] std::string number_text(double value);

// "2026-09-14 10:15:00Z"; "30s" for the times of scenarios.
[[nodiscard]] std::string time_text(Instant at);
// "10:15:00Z" when `at` is within a day of `now`, else as time_text.
[[nodiscard]] std::string near_time_text(Instant at, Instant now);

// {"rate", 14.2} is "rate 14.2/s", {"lead_time", 62} is "lead_time 1m2s".
[[nodiscard]] std::string fact_text(std::string_view name, double value);

}  // namespace tidegate
