#include "lab/sweep/played_bounds.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace tidegate {
namespace {

// Hours of a daily curve in quick motion on replicas of 8 slots and 4 s, one minute to boot.
BoundedRun quick_day(double hours, Duration boot = 60s) {
  BoundedRun run;
  run.length = from_seconds(hours * 3600);
  auto& spec = run.spec;
  spec.service.name = "chat";
  spec.service.slo.objectives = {{LatencyKind::queue_wait, Percentile::p99, 2s}};
  spec.service.guardrails = {.replicas_min = Replicas{1}, .replicas_max = Replicas{40}};
  spec.service.pools = {{.name = "h100"}};
  PlantPool pool{.life = {.name = "h100", .initial = 1, .load = boot, .jitter = 0.2}};
  pool.work = {.slots = 8, .base = 2s, .slope = 250ms, .spread = 0.5};
  spec.pools = {pool};
  spec.start = instant_at(1'700'000'000);
  spec.warm_up = 10min;
  spec.length = run.length;
  run.traffic = [hours]() -> Result<RequestFeed> {
    RateCurve curve;
    for (int minute = 0; minute <= hours * 60; ++minute)
      curve.knot(minute * 1min, 8 + 7 * std::sin(minute / 60.0 * 2 * std::numbers::pi));
    curve.knot(from_seconds(hours * 3600), 0);
    return feed_of(renewal_arrivals(curve, 1, Prng{5}), {}, Prng{6});
  };
  return run;
}

TEST(PlayedBounds, TheNeedIsWhatTheTrafficOffers) {
  const auto run = quick_day(2);
  const auto plan = plan_bounds(run);
  ASSERT_TRUE(plan);
  // 8 a second on average, 4 s each, 8 slots: 4 replicas.
  EXPECT_NEAR(plan->needs.load_sum() / static_cast<double>(plan->needs.load.size()), 4, 0.2);
  EXPECT_EQ(plan->terms.boot, 72s);
  EXPECT_EQ(plan->terms.scored_from, 300U);
  EXPECT_EQ(plan->queue.wait, 2s);
  EXPECT_NEAR(static_cast<double>(plan->requests), 8 * 7200, 1500);
}

TEST(PlayedBounds, ThePlanIsOrderedByTheClockOfTheRun) {
  const auto run = quick_day(1);
  auto decider = plan_decider({3, 3, 5, 2}, 2s, run.spec);
  const auto size_at = [&](Duration at) { return decider({.now = run.spec.start + at}).total().value(); };
  EXPECT_EQ(size_at(0s), 3);
  EXPECT_EQ(size_at(3s), 3);
  EXPECT_EQ(size_at(4s), 5);
  EXPECT_EQ(size_at(6s), 2);
  EXPECT_EQ(size_at(1h), 2);
}

TEST(PlayedBounds, BothMeetTheAttainmentOnThePlantAndHindsightIsCheaper) {
  const auto run = quick_day(0.7);
  const auto plan = plan_bounds(run);
  ASSERT_TRUE(plan);
  const auto best = play_clairvoyant(run, *plan, 0.99);
  ASSERT_TRUE(best);
  EXPECT_TRUE(best->is_met);
  EXPECT_GE(best->best().result.attainment(), 0.99);
  const auto oracle = play_rate_oracle(run, *plan, 0.99);
  ASSERT_TRUE(oracle);
  EXPECT_TRUE(oracle->is_met);
  EXPECT_LE(best->best().result.replica_hours, oracle->best().result.replica_hours * 1.01);
  // What was planned is near what was billed.
  EXPECT_NEAR(best->best().planned_hours / best->best().result.replica_hours, 1, 0.06);
  // The same again gives the same.
  EXPECT_EQ(play_clairvoyant(run, *plan, 0.99)->best().result, best->best().result);
}

TEST(PlayedBounds, AWatcherEndsThem) {
  const auto run = quick_day(1);
  const auto plan = plan_bounds(run);
  ASSERT_TRUE(plan);
  const auto cut = play_clairvoyant(run, *plan, 0.99, [](const SimulationProgress&) { return false; });
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->plays.size(), 1U);
  EXPECT_TRUE(cut->best().result.cancelled);
}

TEST(PlayedBounds, AFeedThatFailsIsReported) {
  auto run = quick_day(1);
  run.traffic = [] { return Result<RequestFeed>{fail(ErrorKind::not_found, "there is no trace.csv")}; };
  const auto plan = plan_bounds(run);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message, "there is no trace.csv");
}

}  // namespace
}  // namespace tidegate
