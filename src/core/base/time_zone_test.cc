#include "core/base/time_zone.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tidegate {
namespace {

using namespace std::chrono;

Duration offset(std::string_view name, int year, unsigned month, unsigned day, int hour, int minute = 0) {
  const auto* zone = find_time_zone(name);
  if (zone == nullptr) return Duration::max();
  return utc_offset(*zone, sys_days{std::chrono::year{year} / month / day} + hours{hour} + minutes{minute});
}

TEST(TimeZone, table_is_sorted_and_knows_the_usual_names) {
  EXPECT_TRUE(std::ranges::is_sorted(time_zones(), {}, &TimeZone::name));
  for (const char* name : {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Etc/GMT+5"})
    EXPECT_NE(find_time_zone(name), nullptr) << name;
  EXPECT_EQ(find_time_zone("Berlin"), nullptr);
  EXPECT_EQ(find_time_zone(""), nullptr);
}

TEST(TimeZone, summer_time_changes_at_its_instant) {
  EXPECT_EQ(offset("Europe/Berlin", 2026, 3, 29, 0, 59), 1h);
  EXPECT_EQ(offset("Europe/Berlin", 2026, 3, 29, 1, 0), 2h);
  EXPECT_EQ(offset("Europe/Berlin", 2026, 10, 25, 0, 59), 2h);
  EXPECT_EQ(offset("Europe/Berlin", 2026, 10, 25, 1, 0), 1h);
  EXPECT_EQ(offset("America/New_York", 2026, 3, 8, 6, 59), -5h);
  EXPECT_EQ(offset("America/New_York", 2026, 3, 8, 7, 0), -4h);
}

TEST(TimeZone, in_the_south_summer_spans_the_new_year) {
  EXPECT_EQ(offset("Pacific/Auckland", 2026, 1, 1, 0), 13h);
  EXPECT_EQ(offset("Pacific/Auckland", 2026, 7, 1, 0), 12h);
  EXPECT_EQ(offset("Pacific/Auckland", 2026, 12, 31, 12), 13h);
}

TEST(TimeZone, without_summer_time_nothing_changes) {
  EXPECT_EQ(offset("Asia/Kolkata", 2026, 1, 1, 0), 5h + 30min);
  EXPECT_EQ(offset("Asia/Kolkata", 2026, 7, 1, 0), 5h + 30min);
  EXPECT_EQ(offset("UTC", 2026, 7, 1, 0), 0h);
}

}  // namespace
}  // namespace tidegate
