#include "core/policy/idle_plan.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "core/base/prng.h"
#include "core/forecast/idle_gap.h"

namespace tidegate {
namespace {

const Instant origin = instant_at(1'700'000'000);

GapHistogram timer(double period, int times) {
  GapHistogram gaps;
  for (int i = 0; i <= times; ++i) observe_arrivals(gaps, origin + from_seconds(period * i), 1);
  return gaps;
}

// Seconds of a gap in which a replica is there, ordered by the plan second by second.
double awake_seconds(const GapHistogram& gaps, double gap, const IdleCosts& costs, bool& met) {
  double awake = 0;
  bool is_there = true;
  double ready_at = 0;
  for (double quiet = 0; quiet < gap; quiet += 1) {
    const IdlePlan plan = idle_plan(gaps, quiet, costs);
    if (is_there && quiet >= ready_at && !plan.stays) is_there = false;
    if (!is_there && plan.wakes) {
      is_there = true;
      ready_at = quiet + costs.boot;
    }
    awake += is_there ? 1 : 0;
  }
  met = is_there && ready_at <= gap;
  return awake;
}

TEST(IdlePlan, OfAnUnknownServiceAReplicaWaitsAndIsNotWokenAgain) {
  const GapHistogram unknown;
  const IdleCosts costs{.miss = 1200, .boot = 20, .lead = 21};
  EXPECT_TRUE(idle_plan(unknown, 0, costs).stays);
  EXPECT_TRUE(idle_plan(unknown, 450, costs).stays);
  EXPECT_FALSE(idle_plan(unknown, 800, costs).stays);
  for (double quiet = 800; quiet < 200'000; quiet *= 1.1) EXPECT_FALSE(idle_plan(unknown, quiet, costs).wakes) << quiet;
}

TEST(IdlePlan, SleepsBetweenTheTicksOfATimerAndIsThereForEach) {
  const GapHistogram gaps = timer(1200, 20);
  bool met = false;
  const double awake = awake_seconds(gaps, 1200, {.miss = 1200, .boot = 20, .lead = 25}, met);
  EXPECT_TRUE(met);
  EXPECT_LT(awake, 150);  // the class begins at 1145 s
  EXPECT_FALSE(idle_plan(gaps, 20, {.miss = 1200, .boot = 20, .lead = 25}).stays);
}

TEST(IdlePlan, ABootAsLongAsTheGapKeepsItAwake) {
  bool met = false;
  EXPECT_EQ(awake_seconds(timer(300, 20), 300, {.miss = 1200, .boot = 280, .lead = 290}, met), 300);
  EXPECT_TRUE(met);
}

TEST(IdlePlan, WhatIsMissedDearlyIsWaitedForLonger) {
  Prng random(3);
  GapHistogram gaps;
  Instant at = origin;
  for (int i = 0; i < 300; ++i) observe_arrivals(gaps, at += from_seconds(random.exponential(600)), 1);
  const IdleCosts cheap{.miss = 200, .boot = 20, .lead = 21};
  const IdleCosts dear{.miss = 2400, .boot = 20, .lead = 21};
  EXPECT_FALSE(idle_plan(gaps, 30, cheap).stays);  // an arrival every ten minutes is not worth waiting for
  for (const double quiet : {30.0, 300.0, 900.0}) EXPECT_TRUE(idle_plan(gaps, quiet, dear).stays) << quiet;
}

TEST(IdlePlan, NightsAreNotForgottenOverADay) {
  // Days of a request every half minute and nights of ten hours.
  GapHistogram gaps;
  Instant at = origin;
  for (int day = 0; day < 5; ++day) {
    for (int i = 0; i < 14 * 120; ++i) observe_arrivals(gaps, at += 30s, 1);
    observe_arrivals(gaps, at += 10h, 1);
  }
  const IdleCosts costs{.miss = 1200, .boot = 60, .lead = 65};
  EXPECT_TRUE(idle_plan(gaps, 20, costs).stays);
  EXPECT_FALSE(idle_plan(gaps, 400, costs).stays);  // of an unknown service it would stay
  EXPECT_TRUE(idle_plan(GapHistogram{}, 400, costs).stays);
  EXPECT_FALSE(idle_plan(gaps, 5 * 3600, costs).wakes);
}

TEST(IdlePlan, TheDearerAMissTheLongerItStays) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    Prng random(seed);
    GapHistogram gaps;
    Instant at = origin;
    const auto count = *rc::gen::inRange(0, 200);
    for (int i = 0; i < count; ++i)
      observe_arrivals(gaps, at += from_seconds(random.lognormal(300, 2)), 1 + random.uniform() * 5);
    const double quiet = random.lognormal(300, 2);
    IdleCosts costs{.miss = random.lognormal(500, 2), .boot = random.lognormal(60, 1), .lead = random.lognormal(60, 1)};
    const IdlePlan cheap = idle_plan(gaps, quiet, costs);
    costs.miss *= 2;
    const IdlePlan dear = idle_plan(gaps, quiet, costs);
    RC_ASSERT(!cheap.stays || dear.stays);
    RC_ASSERT(!cheap.wakes || dear.wakes);
    RC_ASSERT(!dear.wakes || dear.stays);
    costs.miss = 1e-6;
    costs.boot = 1e-6;
    const IdlePlan free = idle_plan(gaps, std::max(quiet, gap_shortest), costs);
    RC_ASSERT(!free.stays && !free.wakes);
  }));
}

}  // namespace
}  // namespace tidegate
