// Ray Serve: worked numbers of its headers, and what its metric pipeline does to them.
#include "core/policy/peers/ray_serve.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/archive.h"
#include "core/base/prng.h"
#include "core/policy/peers/testing/peer_trial.h"

namespace tidegate {
namespace {

TEST(RayServeMetrics, total_of_two_series_changes_where_one_does) {
  const std::vector<LoadSeries> series{{{1, 5}, {3, 7}}, {{2, 3}, {4, 1}}};
  EXPECT_EQ(merge_series(series), (LoadSeries{{1, 5}, {2, 8}, {3, 10}, {4, 8}}));
}

TEST(RayServeMetrics, changes_are_found_before_times_are_rounded) {
  const std::vector<LoadSeries> series{{{0.7608, 0}}, {{0.3669, 3}, {0.3684, 0}}};
  EXPECT_EQ(merge_series(series), (LoadSeries{{0.37, 0}}));
}

TEST(RayServeMetrics, a_lone_series_passes_untouched_unless_compacted) {
  const std::vector<LoadSeries> series{{}, {{1.001, 5}, {1.002, 5}, {2, 5}}};
  EXPECT_EQ(merge_series(series), series[1]);
  EXPECT_EQ(merge_series(series, LoneSeries::compacted), (LoadSeries{{1, 5}}));
}

// The plain definition: the total at an instant is the sum of each series' newest value.
TEST(RayServeMetrics, merge_equals_summing_the_series_at_every_instant) {
  Prng random{5};
  for (int round = 0; round < 200; ++round) {
    std::vector<LoadSeries> series(2 + random.next() % 4);
    for (auto& one : series)
      for (int t = 0; t < 40; ++t)
        if (random.next() % 3 == 0) one.push_back({t * 0.25, static_cast<double>(random.next() % 4)});
    const auto merged = merge_series(series);
    const auto value_at = [](const LoadSeries& one, double at) {
      double value = 0;
      for (const auto& point : one)
        if (point.at <= at) value = point.value;
      return value;
    };
    if (std::ranges::count_if(series, [](const auto& one) { return !one.empty(); }) < 2) continue;
    for (double at = 0; at < 10; at += 0.25) {
      double sum = 0;
      for (const auto& one : series) sum += value_at(one, at);
      ASSERT_EQ(value_at(merged, at), sum) << "round " << round << " at " << at;
    }
  }
}

TEST(RayServeMetrics, mean_weighs_by_how_long_a_value_held) {
  const LoadSeries series{{1, 5}, {2, 10}, {3, 15}};
  EXPECT_DOUBLE_EQ(*time_weighted_average(series, {.last_window = 1}), 10);
  EXPECT_DOUBLE_EQ(*time_weighted_average(series, {.start = 1.5, .last_window = 1}), 11);
  EXPECT_DOUBLE_EQ(*time_weighted_average(series, {.end = 4, .last_window = 10}), 10);
  EXPECT_DOUBLE_EQ(*time_weighted_average(series, {.start = 0, .end = 2}), 2.5) << "zero before the first point";
  EXPECT_FALSE(time_weighted_average(series, {.start = 2, .end = 2}));
  EXPECT_FALSE(time_weighted_average({}, {}));
  EXPECT_EQ(aggregate(series, RayAggregation::max, {}), 15);
  EXPECT_EQ(aggregate(series, RayAggregation::min, {}), 5);
}

TEST(RayServeMetrics, clipping_never_moves_the_start_back) {
  EXPECT_EQ(clipped_start({.start = 110, .first = 100, .end = 130, .clip = 5}), 125);
  EXPECT_EQ(clipped_start({.start = 128, .first = 100, .end = 130, .clip = 5}), 128);
  EXPECT_EQ(clipped_start({.first = 100, .end = 130, .clip = 0}), std::nullopt);
}

TEST(RayServeRules, factors_stretch_the_way_and_a_fall_always_goes_on) {
  EXPECT_EQ(ray_factored({.upscaling_factor = 0.5}, 20, 10), 15);
  EXPECT_EQ(ray_factored({.downscaling_factor = 0.5}, 5, 20), 13);
  EXPECT_EQ(ray_factored({.downscaling_factor = 0.2}, 0, 2), 1) << "ceil(1.6) would stay at 2";
  EXPECT_EQ(ray_factored({.upscaling_factor = 10}, 0.3, 0), 1) << "no factors from zero";
}

TEST(RayServeRules, to_zero_goes_over_one) {
  const RayServePolicy policy{.downscale_delay = 0s, .downscale_to_zero_delay = 5s};
  RayDelay delay;
  EXPECT_EQ(ray_delayed(policy, delay, instant_at(0), 0, 4), 1);
  EXPECT_EQ(ray_delayed(policy, delay, instant_at(1), 0, 1), 1);
  EXPECT_EQ(ray_delayed(policy, delay, instant_at(6), 0, 1), 0);
}

TEST(RayServeRules, one_call_the_other_way_starts_a_delay_anew) {
  const RayServePolicy policy{.upscale_delay = 10s};
  RayDelay delay;
  EXPECT_EQ(ray_delayed(policy, delay, instant_at(0), 5, 1), 1);
  EXPECT_EQ(ray_delayed(policy, delay, instant_at(9), 1, 1), 1);
  EXPECT_EQ(ray_delayed(policy, delay, instant_at(10), 5, 1), 1);
  EXPECT_EQ(ray_delayed(policy, delay, instant_at(20), 7, 1), 7) << "what is wanted when the delay ends";
}

TEST(RayServe, raises_after_its_delay) {
  PeerTrial trial{RayServePolicy{}};
  EXPECT_EQ(trial.run(0, 29, 40, 4), 4);
  EXPECT_EQ(trial.run(30, 30, 40, 4), 20);
}

TEST(RayServe, sees_a_jump_only_with_the_next_push_and_smoothed) {
  PeerTrial trial{RayServePolicy{.upscale_delay = 0s, .downscale_delay = 0s}};
  EXPECT_EQ(trial.run(0, 30, 8, 4), 4);
  EXPECT_EQ(trial.run(31, 39, 80, 4), 4) << "pushed every 10 s: at 30 s the jump was not there";
  const auto first = trial.run(40, 40, 80, 4);
  EXPECT_GT(first, 4);
  EXPECT_LT(first, 20) << "a mean over 30 s";
  EXPECT_EQ(trial.run(41, 80, 80, first), 40);
}

TEST(RayServe, a_delay_of_lowering_is_a_band) {
  PeerTrial trial{RayServePolicy{.look_back_period = 1s, .metrics_interval = 1s}};
  (void)trial.run(0, 5, 16, 8);
  const auto proposal = trial.at(10, 4, 8);
  EXPECT_EQ(proposal.band.floor.value(), 2);
  EXPECT_EQ(proposal.band.ceiling.value(), 8);
  EXPECT_EQ(proposal.band.ceiling_reason, Reason::hold_down);
  EXPECT_EQ(trial.run(11, 610, 4, 8), 2);
}

TEST(RayServe, a_first_request_wakes_at_once) {
  PeerTrial trial{RayServePolicy{}};
  EXPECT_EQ(trial.run(0, 100, 0, 0), 0);
  const auto woken = trial.at(101, 1, 0);
  EXPECT_EQ(woken.band.floor.value(), 1);
  EXPECT_EQ(woken.band.floor_reason, Reason::activate_request);
}

TEST(RayServe, lost_reports_count_as_nothing_ongoing_after_twenty_seconds) {
  PeerTrial trial{RayServePolicy{.downscale_delay = 0s}};
  (void)trial.run(0, 40, 16, 8);
  const auto blind = trial.at(59, -1, 8);
  EXPECT_FALSE(blind.has_evidence);
  EXPECT_EQ(blind.band.ceiling.value(), 8) << "the last report still counts";
  EXPECT_EQ(trial.at(60, -1, 8).band.ceiling.value(), 1) << "its own rule; acting, nothing lowers without evidence";
}

TEST(RayServe, counts_from_its_own_target_when_a_replica_crashes) {
  PeerTrial trial{RayServePolicy{}};
  (void)trial.run(0, 20, 16, 8);
  EXPECT_EQ(trial.at(21, 16, 7).band.floor.value(), 8);
}

TEST(RayServe, memory_is_bounded_and_survives_the_archive) {
  PeerTrial trial{RayServePolicy{.look_back_period = 1h, .metrics_interval = 1min}};
  (void)trial.run(0, 20'000, 16, 8, 0.5);
  ByteWriter writer;
  writer(trial.memory);
  EXPECT_LT(writer.bytes().size(), 4096U);
  PolicyMemory read;
  const auto bytes = writer.take();
  ByteReader reader{bytes};
  reader(read);
  EXPECT_TRUE(!reader.failed() && reader.at_end());
  EXPECT_EQ(read, trial.memory);
}

}  // namespace
}  // namespace tidegate
