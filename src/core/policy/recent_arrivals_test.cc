#include "core/policy/recent_arrivals.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

RecentArrivals fed(std::initializer_list<double> counts, Duration interval = 1s, Duration lead_time = 60s) {
  RecentArrivals recent;
  for (const double count : counts) observe(recent, interval, count, lead_time);
  return recent;
}

TEST(RecentArrivals, proves_what_chance_does_not_explain) {
  // The worked example of evident_rates.h.
  EXPECT_NEAR(evident_rate(fed({10, 10, 10, 10}), 1, 60s), 6.25, 0.01);
  // A step shows within a second or two, and the more of it is seen the more of it is believed.
  EXPECT_GT(evident_rate(fed({8, 8, 8, 40}), 1, 60s), 10);
  EXPECT_GT(evident_rate(fed({40, 40, 40, 40}), 1, 60s), 30);
  EXPECT_LT(evident_rate(fed({40, 40, 40, 40}), 1, 60s), 40);
}

TEST(RecentArrivals, proves_less_where_arrivals_are_bursty) {
  const auto recent = fed({40, 40, 40, 40});
  EXPECT_LT(evident_rate(recent, 20, 60s), 0.6 * evident_rate(recent, 1, 60s));
}

TEST(RecentArrivals, waits_for_a_sixteenth_of_the_lead_time) {
  EXPECT_EQ(evident_rate(fed({40, 40, 40}), 1, 60s), 0);
  EXPECT_EQ(evident_rate(fed({40, 40, 40, 40}, 1s, 600s), 1, 600s), 0);
  // Ticks longer than that are windows themselves.
  EXPECT_GT(evident_rate(fed({40}, 10s), 1, 60s), 0);
}

TEST(RecentArrivals, a_gap_forgets) {
  auto recent = fed({40, 40, 40, 40});
  forget(recent);
  EXPECT_EQ(recent, RecentArrivals{});
  EXPECT_EQ(evident_rate(recent, 1, 60s), 0);
}

}  // namespace
}  // namespace tidegate
