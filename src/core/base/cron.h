// A cron expression of five fields, parsed: minute, hour, day of month, month, day of week. Each field is a list of
// `*`, N, N-M, with an optional `/STEP`; months and days of the week also by their three-letter English names. As in
// every cron, a day matches when either of the two day fields does, unless one of them is `*`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

struct Cron {
  std::string text;           // as it was written
  std::uint64_t minutes = 0;  // bit m: fires in minute m
  std::uint32_t hours = 0;
  std::uint32_t days = 0;     // bits 1..31
  std::uint16_t months = 0;   // bits 1..12
  std::uint8_t weekdays = 0;  // bit 0: Sunday
  bool any_day = true;
  bool any_weekday = true;

  friend bool operator==(const Cron&, const Cron&) = default;
};

// The error is a sentence without a full stop that says what is wrong.
[[nodiscard]] Result<Cron> parse_cron(std::string_view text);

// The newest firing at or before `now`, on a clock `offset` ahead of UTC; at most 366 days back. An expression that
// never fires (31 February) has none.
[[nodiscard]] std::optional<Instant> last_firing(const Cron& cron, Instant now, Duration offset);

}  // namespace tidegate
