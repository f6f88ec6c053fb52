#include "core/base/cron.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

using namespace std::chrono;

Instant at(int year, unsigned month, unsigned day, int hour, int minute) {
  return sys_days{std::chrono::year{year} / month / day} + hours{hour} + minutes{minute};
}

std::optional<Instant> last(const char* text, Instant now, Duration offset = 0s) {
  return last_firing(*parse_cron(text), now, offset);
}

TEST(Cron, takes_what_cron_takes) {
  for (const char* text : {"* * * * *", "0 8 * * mon-fri", "*/5 0-23/2 1,15 JAN-dec 0", "59 23 31 12 7", "0  8 * * *",
                           "0 8 * * Sun,Wed", "5/10 * * * *"})
    EXPECT_TRUE(parse_cron(text).has_value()) << text;
}

TEST(Cron, says_what_is_wrong) {
  for (const char* text : {"", "0 8 * *", "0 8 * * * *", "60 8 * * *", "0 24 * * *", "0 8 0 * *", "0 8 32 * *",
                           "0 8 * 13 *", "0 8 * * 8", "0 8 * * fri-mon", "0 8 * * fry", "*/0 8 * * *", "*/60 8 * * *",
                           "1-x 8 * * *", ", 8 * * *", "- 8 * * *", "/ 8 * * *", "@daily", "-1 8 * * *"})
    EXPECT_FALSE(parse_cron(text).has_value()) << text;
  EXPECT_EQ(parse_cron("0 25 * * *").error().message, "the hour `25` is not from 0 to 23");
}

TEST(Cron, the_last_firing_is_today_or_some_day_before) {
  // 2026-11-25 is a Wednesday.
  EXPECT_EQ(last("0 8 * * *", at(2026, 11, 25, 8, 0)), at(2026, 11, 25, 8, 0));
  EXPECT_EQ(last("0 8 * * *", at(2026, 11, 25, 7, 59)), at(2026, 11, 24, 8, 0));
  EXPECT_EQ(last("0 18 * * fri", at(2026, 11, 25, 12, 0)), at(2026, 11, 20, 18, 0));
  EXPECT_EQ(last("*/20 9-17 * * *", at(2026, 11, 25, 12, 59)), at(2026, 11, 25, 12, 40));
  EXPECT_EQ(last("30 9-17 * * *", at(2026, 11, 25, 12, 10)), at(2026, 11, 25, 11, 30));
  EXPECT_EQ(last("30 9-17 * * *", at(2026, 11, 25, 9, 10)), at(2026, 11, 24, 17, 30));
  EXPECT_EQ(last("0 0 29 2 *", at(2024, 12, 1, 0, 0)), at(2024, 2, 29, 0, 0));
  EXPECT_EQ(last("0 0 31 2 *", at(2026, 11, 25, 0, 0)), std::nullopt);
}

TEST(Cron, either_day_field_is_enough_when_both_are_given) {
  EXPECT_EQ(last("0 8 24 * mon", at(2026, 11, 25, 0, 0)), at(2026, 11, 24, 8, 0));
  EXPECT_EQ(last("0 8 1 * mon", at(2026, 11, 25, 0, 0)), at(2026, 11, 23, 8, 0));
}

TEST(Cron, fires_by_the_local_clock) {
  EXPECT_EQ(last("0 8 * * *", at(2026, 11, 25, 7, 30), 1h), at(2026, 11, 25, 7, 0));
  EXPECT_EQ(last("0 0 * * *", at(2026, 11, 25, 2, 0), -5h), at(2026, 11, 24, 5, 0));
}

}  // namespace
}  // namespace tidegate
