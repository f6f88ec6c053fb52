// Local time of an IANA time zone, for schedules. The rules are a table of the build (time_zone_rules.cc, written by
// tools/make_time_zones.py), so that nothing is read and every machine answers alike. Only the rules in force when
// the table was written are known; dates before a zone's last change of rules are off by that change.
//
// Worked: Europe/Berlin is UTC+1, and UTC+2 from the last Sunday of March, 02:00, to the last Sunday of October,
// 03:00 local time.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/time.h"

namespace tidegate {

// "The `week`-th `day` (0 = Sunday) of `month`, `at` seconds after local midnight"; week 5 is the last one.
struct ZoneChange {
  std::int8_t month = 0;  // 0: no change
  std::int8_t week = 0;
  std::int8_t day = 0;
  std::int32_t at = 0;  // may be negative or beyond a day
};

struct TimeZone {
  std::string_view name;
  std::int32_t offset = 0;  // seconds east of UTC
  std::int32_t summer_offset = 0;
  ZoneChange summer_begins;
  ZoneChange summer_ends;
};

// Every zone known, by name.
[[nodiscard]] std::span<const TimeZone> time_zones();
// None of that name: nullptr.
[[nodiscard]] const TimeZone* find_time_zone(std::string_view name);

// Seconds east of UTC at that instant.
[[nodiscard]] Duration utc_offset(const TimeZone& zone, Instant at);

}  // namespace tidegate
