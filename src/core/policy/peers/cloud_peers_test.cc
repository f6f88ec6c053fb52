// AWS and its like: the worked numbers of their headers, and how late they see what happens.
#include <gtest/gtest.h>

#include "core/base/archive.h"
#include "core/policy/peers/testing/peer_stage.h"

namespace tidegate {
namespace {

PeriodMetric metric_of(std::initializer_list<double> values) {
  PeriodMetric metric;
  for (const double value : values) metric.seen.push_back({.value = value, .known = value >= 0});
  return metric;
}

TEST(CloudMetric, averages_a_period_and_shows_it_late) {
  PeriodMetric metric;
  const MetricCadence cadence{.period = 60s, .delay = 30s};
  for (int t = 1; t < 90; ++t)
    EXPECT_FALSE(observe(metric, cadence, instant_at(t), {Reading::of(t <= 30 ? 2 : 4), 3})) << t;
  EXPECT_TRUE(observe(metric, cadence, instant_at(90), {Reading::of(4), 3}));
  EXPECT_EQ(metric.seen, (std::vector<Datapoint>{{instant_at(60), 3, 3, true}}));
}

TEST(CloudMetric, a_period_without_samples_is_unknown_and_rings_nothing) {
  PeriodMetric metric;
  const MetricCadence cadence{.period = 10s};
  for (int t = 1; t <= 40; ++t)
    (void)observe(metric, cadence, instant_at(t), {t > 10 && t <= 20 ? Reading{} : Reading::of(9), 1});
  ASSERT_EQ(metric.seen.size(), 4u);
  EXPECT_FALSE(metric.seen[1].known);
  EXPECT_FALSE(rings(metric, {Breach::above, 8, 3, 3}));
  EXPECT_FALSE(rings(metric, {Breach::above, 8, 4, 4}));
  EXPECT_TRUE(rings(metric, {Breach::above, 8, 4, 3}));
}

TEST(CloudMetric, ticks_coarser_than_the_period_count_once) {
  PeriodMetric metric;
  for (int t = 25; t <= 100; t += 25) (void)observe(metric, {.period = 10s}, instant_at(t), {Reading::of(t), 1});
  ASSERT_EQ(metric.seen.size(), 4u);
  EXPECT_EQ(metric.seen.front().value, 25);
  EXPECT_EQ(metric.seen.back().value, 100);
}

TEST(CloudMetric, a_long_gap_forgets) {
  PeriodMetric metric;
  for (int t = 1; t <= 120; ++t) (void)observe(metric, {.period = 60s}, instant_at(t), {Reading::of(9), 1});
  EXPECT_EQ(metric.seen.size(), 2u);
  (void)observe(metric, {.period = 60s}, instant_at(1000), {Reading::of(9), 1});
  EXPECT_TRUE(metric.seen.empty());
}

TEST(CloudMetric, alarms_compare_at_their_edge_as_named) {
  const auto metric = metric_of({60, 60, 60});
  EXPECT_FALSE(rings(metric, {Breach::above, 60, 3, 3}));
  EXPECT_TRUE(rings(metric, {Breach::at_or_above, 60, 3, 3}));
  EXPECT_FALSE(rings(metric, {Breach::below, 60, 3, 3}));
  EXPECT_TRUE(rings(metric, {Breach::at_or_below, 60, 3, 3}));
  EXPECT_FALSE(rings(metric, {Breach::at_or_above, 60, 4, 1}));  // not enough of them yet
}

TEST(CloudMetric, is_bounded) {
  PeriodMetric metric;
  for (int t = 1; t < 100'000; ++t)
    (void)observe(metric, {.period = 10s, .delay = 24h}, instant_at(t), {Reading::of(1), 1});
  EXPECT_LE(metric.coming.size(), PeriodMetric::kept_most);
  metric = {};
  for (int t = 1; t < 10'000; ++t) (void)observe(metric, {.period = 10s}, instant_at(t), {Reading::of(1), 1});
  EXPECT_LE(metric.seen.size(), PeriodMetric::kept_most);
}

TEST(AwsTargetTracking, legacy_scales_out_four_minutes_after_a_step) {
  PeerStage stage{AwsTargetTrackingPolicy{}, 4};
  stage.in_flight = 48;
  EXPECT_EQ(stage.changes_at(600), 240);
  EXPECT_EQ(stage.size(), 6);  // ceil(4 * 12 / 8)
}

TEST(AwsTargetTracking, high_resolution_scales_out_after_forty_seconds) {
  PeerStage stage{AwsTargetTrackingPolicy{.resolution = AwsResolution::high_resolution}, 4};
  stage.in_flight = 48;
  EXPECT_EQ(stage.changes_at(600), 40);
  EXPECT_EQ(stage.size(), 6);
}

TEST(AwsTargetTracking, scales_in_after_fifteen_datapoints_below_the_low_alarm) {
  PeerStage stage{AwsTargetTrackingPolicy{}, 6};
  stage.in_flight = 6 * 5.4;
  EXPECT_EQ(stage.changes_at(2000), 16 * 60);
  EXPECT_EQ(stage.size(), 5);  // ceil(6 * 5.4 / 8)
  PeerStage quick{AwsTargetTrackingPolicy{.resolution = AwsResolution::high_resolution}, 6};
  quick.in_flight = 6 * 5.4;
  EXPECT_EQ(quick.changes_at(2000), 15 * 60 + 10);
}

TEST(AwsTargetTracking, the_low_alarm_lies_at_the_scalers_share_of_the_target) {
  const AwsTargetTrackingPolicy application{.scaler = AwsScaler::application_auto_scaling};
  PeerStage ec2{AwsTargetTrackingPolicy{}, 10}, other{application, 10};
  ec2.in_flight = other.in_flight = 10 * 0.8 * 8;  // below 0.9 of the target, above 0.7
  EXPECT_EQ(ec2.run(3600), 10);
  EXPECT_EQ(other.run(3600), 8);
}

TEST(AwsTargetTracking, rounds_up_when_adding_and_down_when_removing) {
  // 1.5 more are wanted: 2 are added. 1.5 fewer: 1 is removed. Half of one fewer: none.
  PeerStage more{AwsTargetTrackingPolicy{}, 3}, fewer{AwsTargetTrackingPolicy{.low_ratio = 0.9}, 5},
      half{AwsTargetTrackingPolicy{.low_ratio = 0.99}, 5};
  more.in_flight = 4.5 * 8;
  fewer.in_flight = 3.5 * 8;
  half.in_flight = 4.5 * 8;
  EXPECT_EQ(more.run(300), 5);
  EXPECT_EQ(fewer.run(1200), 4);
  EXPECT_EQ(half.run(1200), 5);
}

TEST(AwsTargetTracking, warming_instances_are_not_added_twice_and_block_scaling_in) {
  PeerStage stage{AwsTargetTrackingPolicy{}, 4};
  stage.startup = 300;
  stage.in_flight = 48;
  EXPECT_EQ(stage.run(500), 6);
  EXPECT_EQ(stage.ready, 4);
  // Ready at 540, warm at 840: the load is gone since 500, but nothing goes before the warm-up's end.
  stage.in_flight = 0;
  EXPECT_EQ(stage.run(830), 6);
  EXPECT_EQ(stage.run(1800), 0);
}

TEST(AwsTargetTracking, application_scales_in_once_in_a_cooldown) {
  const AwsTargetTrackingPolicy policy{.scaler = AwsScaler::application_auto_scaling, .scale_in_cooldown = 10min};
  PeerStage stage{policy, 10};
  stage.in_flight = 40;
  EXPECT_EQ(stage.changes_at(3600), 960);
  EXPECT_EQ(stage.size(), 5);
  stage.in_flight = 16;
  EXPECT_EQ(stage.changes_at(3600), 960 + 600);  // the alarm rings on; the cooldown holds it
  EXPECT_EQ(stage.size(), 2);
}

TEST(AwsTargetTracking, without_data_or_with_scale_in_off_nothing_is_removed) {
  PeerStage blind{AwsTargetTrackingPolicy{}, 4}, kept{AwsTargetTrackingPolicy{.disable_scale_in = true}, 4};
  blind.is_blind = true;
  EXPECT_EQ(blind.run(3600), 4);
  EXPECT_FALSE(blind.proposal.has_evidence);
  EXPECT_EQ(kept.run(3600), 4);
}

TEST(AwsTargetTracking, stays_at_zero) {
  PeerStage stage{AwsTargetTrackingPolicy{}, 0};
  stage.queued = 50;
  EXPECT_EQ(stage.run(3600), 0);
}

TEST(AwsTargetTracking, its_memory_survives_an_archive) {
  PeerStage stage{AwsTargetTrackingPolicy{}, 4};
  stage.in_flight = 48;
  stage.run(250);
  ByteWriter writer;
  writer(stage.memory);
  PolicyMemory read;
  ByteReader reader(writer.bytes());
  reader(read);
  EXPECT_TRUE(reader.at_end() && !reader.failed());
  EXPECT_EQ(read, stage.memory);
}

}  // namespace
}  // namespace tidegate
