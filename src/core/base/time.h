// Time as the core knows it: integer nanoseconds, handed in by whoever calls. No clock is read here.
//
// An Instant counts nanoseconds since 1970-01-01 00:00 UTC. Live code derives it from a monotonic clock
// anchored once to the wall clock, so it never runs backwards; scenarios start it at zero.
#pragma once

#include <chrono>
#include <string>

namespace tidegate {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::sys_time<Duration>;

using namespace std::chrono_literals;  // 800ms, 30s, 5min, 2h

[[nodiscard]] constexpr double seconds(Duration d) { return static_cast<double>(d.count()) * 1e-9; }
[[nodiscard]] constexpr double seconds(Instant t) { return seconds(t.time_since_epoch()); }

// Rounds to the nearest nanosecond. Saturates at about 292 years; NaN becomes zero.
[[nodiscard]] Duration from_seconds(double s);
[[nodiscard]] Instant instant_at(double seconds_since_epoch);

// "800ms", "2.5s", "3m20s", "2h", as people write it: at most two units, never a bare number.
[[nodiscard]] std::string to_text(Duration d);

}  // namespace tidegate
