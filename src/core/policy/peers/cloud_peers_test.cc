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

// AWS's own example: 10 instances, thresholds 60 and 40 in percent, three datapoints of a minute, no delay.
AwsStepPolicy step_example() {
  return {.high_threshold = 60,
          .steps_out = {{.lower = 0, .upper = 10, .adjustment = 10}, {.lower = 10, .adjustment = 30}},
          .low_threshold = 40,
          .steps_in = {{.lower = -10, .upper = 0, .adjustment = -10}, {.upper = -10, .adjustment = -30}},
          .evaluation_periods = 1,
          .datapoints_to_alarm = 1,
          .metric_delay = 0s,
          .instance_warmup = 0s};
}

TEST(AwsStep, follows_the_official_example) {
  PeerStage stage{step_example(), 10};
  const auto a_minute_at = [&](double percent) {
    stage.in_flight = percent * stage.ready;
    return stage.run(stage.now + 60);
  };
  EXPECT_EQ(a_minute_at(60), 11);
  EXPECT_EQ(a_minute_at(70), 14);
  EXPECT_EQ(a_minute_at(40), 13);
  EXPECT_EQ(a_minute_at(30), 10);
  EXPECT_EQ(a_minute_at(50), 10);
}

TEST(AwsStep, repeated_breaches_while_warming_act_once_and_a_higher_step_adds_the_difference) {
  auto policy = step_example();
  policy.instance_warmup = 1h;
  PeerStage stage{policy, 10};
  const auto a_minute_at = [&](double percent) {
    stage.in_flight = percent * stage.ready;
    return stage.run(stage.now + 60);
  };
  EXPECT_EQ(a_minute_at(60), 11);
  EXPECT_EQ(a_minute_at(62), 11);
  EXPECT_EQ(a_minute_at(70), 13);
  EXPECT_EQ(a_minute_at(30), 13);  // warming: nothing scales in
}

TEST(AwsStep, rounds_as_documented_and_keeps_the_least_adjustment) {
  auto policy = step_example();
  PeerStage few{policy, 2};  // 10 % of 2 is 0.2: 1
  few.in_flight = 2 * 60;
  EXPECT_EQ(few.run(60), 3);
  policy.min_adjustment_magnitude = Replicas{2};
  PeerStage least{policy, 2};
  least.in_flight = 2 * 60;
  EXPECT_EQ(least.run(60), 4);
  policy.adjustment_type = AwsAdjustment::exact_capacity;
  PeerStage exact{policy, 2};
  exact.in_flight = 2 * 60;
  EXPECT_EQ(exact.run(60), 10);
  policy.adjustment_type = AwsAdjustment::change_in_capacity;
  PeerStage change{policy, 50};
  change.in_flight = 50 * 20;
  EXPECT_EQ(change.run(60), 20);
}

TEST(AwsStep, looks_at_m_of_n_datapoints_late) {
  auto policy = step_example();
  policy.evaluation_periods = 3;
  policy.datapoints_to_alarm = 2;
  policy.metric_delay = 60s;
  PeerStage stage{policy, 10};
  stage.in_flight = 500;
  stage.run(60);
  stage.in_flight = 600;
  EXPECT_EQ(stage.changes_at(600), 240);  // the minutes to 120 and to 180, the second seen at 240
}

TEST(SeasonalHistory, keeps_means_by_bucket_and_knows_what_is_missing) {
  SeasonalHistory history;
  const SeasonalShape hours{.length = 1h, .capacity = 48};
  for (int t = 0; t < 5 * 3600; t += 60)
    if (t < 2 * 3600 || t >= 3 * 3600)
      observe(history, hours, instant_at(t), t / 3600 * 10.0 + (t % 120 == 0 ? 1 : -1));
  observe(history, hours, instant_at(5 * 3600), {});
  EXPECT_EQ(value_at(history, 1), 10);
  EXPECT_EQ(value_at(history, 2), std::nullopt);
  EXPECT_EQ(value_at(history, 4), 40);
  EXPECT_EQ(value_at(history, 5), std::nullopt);
  EXPECT_EQ(length_of(history), 5);
  observe(history, hours, instant_at(100 * 3600), 7);
  EXPECT_EQ(value_at(history, 4), std::nullopt);
  EXPECT_EQ(length_of(history), 48);
}

// Busy from hour 8 to hour 18 of every day.
void play_days(PeerStage& stage, double until, double busy, double quiet) {
  while (stage.now < until) {
    const double hour = std::fmod(stage.now / 3600, 24);
    stage.in_flight = hour >= 8 && hour < 18 ? busy : quiet;
    stage.tick();
  }
}

TEST(AwsPredictive, raises_ahead_of_the_hour_it_saw_yesterday) {
  PeerStage stage{AwsPredictivePolicy{}, 2};
  stage.now = 3;
  constexpr double day = 86400, eight = 8 * 3600;
  play_days(stage, 2 * day + eight - 301, 100, 8);
  EXPECT_LT(stage.size(), 4);
  EXPECT_EQ(stage.changes_at(2 * day + eight), 2 * day + eight - 300);
  EXPECT_EQ(stage.size(), 13);  // ceil(100 / 8), five minutes before eight
  EXPECT_EQ(stage.proposal.band.floor_reason, Reason::forecast_demand);
  // The hour over which it was forecast keeps it, however quiet it is.
  stage.in_flight = 8;
  EXPECT_EQ(stage.run(2 * day + eight + 3000), 13);
}

TEST(AwsPredictive, needs_a_day_of_history_and_may_only_forecast) {
  PeerStage young{AwsPredictivePolicy{}, 2}, shown{AwsPredictivePolicy{.mode = AwsForecastMode::forecast_only}, 2};
  constexpr double day = 86400, eight = 8 * 3600;
  young.now = 20 * 3600;
  play_days(young, day + eight, 100, 8);
  EXPECT_LT(young.size(), 4);
  play_days(shown, day + eight, 100, 8);
  EXPECT_LT(shown.size(), 4);
  EXPECT_EQ(shown.proposal.facts.back().value, 13);
}

TEST(AwsPredictive, removes_as_target_tracking_does) {
  PeerStage predictive{AwsPredictivePolicy{}, 6}, plain{AwsTargetTrackingPolicy{}, 6};
  predictive.in_flight = plain.in_flight = 20;
  for (int i = 0; i < 3000; ++i) EXPECT_EQ(predictive.tick(), plain.tick()) << i;
  EXPECT_EQ(plain.size(), 3);
}

TEST(Gcp, sums_utilisation_and_drops_all_surplus_after_ten_minutes) {
  PeerStage stage{GcpPolicy{}, 10};
  stage.in_flight = 120;
  EXPECT_EQ(stage.changes_at(300), 120);  // a minute's mean, a minute late
  EXPECT_EQ(stage.size(), 15);
  stage.run(600);
  stage.in_flight = 16;
  EXPECT_EQ(stage.changes_at(3000), 660 + 600);  // the last minute of load ends at 600 and is seen at 660
  EXPECT_EQ(stage.size(), 2);
}

TEST(Gcp, scale_in_control_keeps_the_peak_less_its_allowance) {
  PeerStage stage{GcpPolicy{.max_scaled_in_replicas = Replicas{3}}, 15};
  stage.in_flight = 120;
  stage.run(600);
  stage.in_flight = 16;
  EXPECT_EQ(stage.run(1320), 12);
  EXPECT_EQ(stage.run(1800), 12);
  EXPECT_EQ(stage.run(2100), 9);
}

TEST(Gcp, modes_and_zero) {
  PeerStage out{GcpPolicy{.mode = GcpMode::only_scale_out}, 4}, off{GcpPolicy{.mode = GcpMode::off}, 4},
      idle{GcpPolicy{}, 4}, zero{GcpPolicy{}, 0};
  out.in_flight = 8;
  off.in_flight = 800;
  EXPECT_EQ(out.run(3000), 4);
  EXPECT_EQ(off.run(3000), 4);
  EXPECT_EQ(idle.run(3000), 1);
  zero.in_flight = 80;
  EXPECT_EQ(zero.run(3000), 0);
}

TEST(Gcp, predictive_raises_ahead_by_the_initialization_period) {
  PeerStage plain{GcpPolicy{}, 2}, stage{GcpPolicy{.initialization_period = 10min, .predictive = true}, 2};
  constexpr double day = 86400, eight = 8 * 3600;
  plain.now = stage.now = 3;
  play_days(plain, 4 * day + eight - 400, 100, 8);
  play_days(stage, 4 * day + eight - 400, 100, 8);
  EXPECT_EQ(plain.size(), 1);
  EXPECT_GE(stage.size(), 12);
  EXPECT_LE(stage.size(), 14);
}

TEST(SageMaker, tracks_the_backlog_per_instance) {
  PeerStage stage{SageMakerPolicy{}, 4};
  stage.in_flight = 32;
  stage.queued = 28;
  EXPECT_EQ(stage.changes_at(600), 240);
  EXPECT_EQ(stage.size(), 12);  // ceil(60 / 5)
}

TEST(SageMaker, leaves_zero_by_a_step_and_goes_back_there) {
  PeerStage stage{SageMakerPolicy{}, 0};
  stage.queued = 50;
  EXPECT_EQ(stage.changes_at(600), 180);  // two minutes and the delay
  EXPECT_EQ(stage.size(), 1);
  stage.queued = 0;
  EXPECT_EQ(stage.run(3000), 0);
}

TEST(KeepAlive, follows_at_once_and_keeps_for_k) {
  PeerStage stage{KeepAlivePolicy{.keep = 60s}, 0};
  stage.queued = 20;
  EXPECT_EQ(stage.tick(), 3);  // slots 8
  stage.queued = 0;
  stage.run(60);
  EXPECT_EQ(stage.size(), 3);
  stage.tick();
  EXPECT_EQ(stage.size(), 0);
}

TEST(KeepAlive, sizes_as_baseten_and_runpod_publish) {
  PeerStage baseten{KeepAlivePolicy{.concurrency = 10, .utilization = 0.7, .window = 60s, .on_demand = false}, 1};
  baseten.in_flight = 25;
  EXPECT_EQ(baseten.run(59), 0);
  EXPECT_EQ(baseten.run(60), 4);  // 25 / (10 * 0.7)
  PeerStage runpod{KeepAlivePolicy{.concurrency = 4, .keep = 5s}, 1};
  runpod.in_flight = 3;
  runpod.queued = 6;
  EXPECT_EQ(runpod.tick(), 3);  // ceil((6 + 3) / 4)
}

TEST(KeepAlive, releases_half_of_the_excess_at_a_time) {
  PeerStage stage{KeepAlivePolicy{.concurrency = 1, .keep = 900s, .release = 0.5}, 9};
  stage.in_flight = 2;
  EXPECT_EQ(stage.changes_at(3000), 901);
  EXPECT_EQ(stage.size(), 5);
  EXPECT_EQ(stage.changes_at(3000), 1801);
  EXPECT_EQ(stage.size(), 3);
}

TEST(KeepAlive, keeps_what_is_there_without_a_reading) {
  PeerStage stage{KeepAlivePolicy{.keep = 1s}, 3};
  stage.is_blind = true;
  stage.run(60);
  EXPECT_EQ(stage.size(), 3);
  EXPECT_FALSE(stage.proposal.has_evidence);
}

}  // namespace
}  // namespace tidegate
