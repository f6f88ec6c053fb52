// The scalers of LLM serving stacks: the worked numbers of their headers.
#include <gtest/gtest.h>

#include "core/base/archive.h"
#include "core/policy/peers/kv_share.h"
#include "core/policy/peers/load_predictor.h"
#include "core/policy/peers/state_dependent_queue.h"
#include "core/policy/peers/testing/peer_stage.h"

namespace tidegate {
namespace {

double forecast_of(std::initializer_list<double> counts, DynamoPredictor kind, bool log1p = false) {
  LoadPredictor predictor;
  for (const double count : counts) observe(predictor, count, log1p);
  return predict_next(predictor, kind, log1p);
}

TEST(LoadPredictor, skips_leading_zeros_and_needs_five_counts) {
  LoadPredictor predictor;
  for (int i = 0; i < 10; ++i) observe(predictor, 0, false);
  EXPECT_TRUE(predictor.counts.empty());
  EXPECT_EQ(predict_next(predictor, DynamoPredictor::arima, false), 0);
  EXPECT_EQ(forecast_of({10, 20, 30, 40}, DynamoPredictor::prophet), 40);
}

TEST(LoadPredictor, every_kind_keeps_a_constant_load) {
  for (const auto kind :
       {DynamoPredictor::constant, DynamoPredictor::arima, DynamoPredictor::kalman, DynamoPredictor::prophet})
    for (const bool log1p : {false, true})
      EXPECT_NEAR(forecast_of({50, 50, 50, 50, 50, 50, 50, 50}, kind, log1p), 50, 0.5);
}

TEST(LoadPredictor, a_trend_is_followed_by_all_but_the_constant) {
  const std::initializer_list<double> rising{10, 20, 30, 40, 50, 60, 70, 80};
  EXPECT_EQ(forecast_of(rising, DynamoPredictor::constant), 80);
  EXPECT_NEAR(forecast_of(rising, DynamoPredictor::prophet), 90, 1e-6);
  EXPECT_NEAR(forecast_of(rising, DynamoPredictor::kalman), 90, 1);
  EXPECT_NEAR(forecast_of(rising, DynamoPredictor::arima), 90, 0.5);
}

TEST(LoadPredictor, arima_finds_an_alternation) {
  EXPECT_NEAR(forecast_of({10, 30, 10, 30, 10, 30, 10, 30, 10}, DynamoPredictor::arima), 30, 0.5);
}

TEST(LoadPredictor, never_foretells_less_than_nothing_and_is_bounded) {
  EXPECT_EQ(forecast_of({90, 70, 50, 30, 10, 0, 0}, DynamoPredictor::prophet), 0);
  LoadPredictor predictor;
  for (int i = 0; i < 1000; ++i) observe(predictor, i % 7, false);
  EXPECT_EQ(predictor.counts.size(), LoadPredictor::kept_most);
}

TEST(KvShare, counts_what_waits_and_stands_in_with_slots) {
  PeerStage stage{StaticPolicy{}, 2};
  stage.in_flight = 30;
  stage.queued = 10;
  stage.seen.kv_usage = Reading::of(0.6);
  stage.tick();
  const auto load = [&](bool with_queue) {
    const PolicyInput input{.spec = stage.spec,
                            .seen = stage.seen,
                            .demand = stage.demand,
                            .at_lead = stage.forecast,
                            .over_hold = stage.forecast,
                            .reference = stage.capacity,
                            .history = stage.history,
                            .ready = 2};
    return with_queue ? kv_load(input) : kv_share(input);
  };
  EXPECT_NEAR(load(true).value, 0.8, 1e-12);
  stage.seen.kv_usage = {};
  EXPECT_NEAR(load(false).value, 30 / 16.0, 1e-12);  // 8 slots a replica
  EXPECT_NEAR(load(true).value, 40 / 16.0, 1e-12);
  stage.seen.kv_usage = {.quality = Quality::stale, .value = 0.6};
  EXPECT_FALSE(load(true).is_fresh());
}

TEST(Dynamo, throughput_loop_buys_what_the_next_interval_needs) {
  DynamoPolicy policy{
      .optimization_target = DynamoTarget::sla, .load_predictor = DynamoPredictor::constant, .engine_rps = 4.0};
  PeerStage stage{policy, 1};
  stage.rate = 15;
  EXPECT_EQ(stage.changes_at(600), 181);  // the first tick begins the interval
  EXPECT_EQ(stage.size(), 4);             // ceil(15 / 4)
  stage.rate = 0;
  EXPECT_EQ(stage.run(600), 1);  // min_endpoint
}

TEST(Dynamo, load_loop_moves_one_at_a_time_and_waits_for_each_start) {
  PeerStage stage{DynamoPolicy{}, 2};
  stage.startup = 120;
  stage.in_flight = 16;
  stage.queued = 40;
  std::vector<double> sizes;
  for (int i = 0; i < 480; ++i)
    if (const double size = stage.size(); stage.tick() != size) sizes.push_back(stage.now);
  // Each only when the one before is ready: four more take eight minutes.
  EXPECT_EQ(sizes, (std::vector<double>{6, 126, 246, 366}));
  EXPECT_EQ(stage.run(485), 6);
  EXPECT_EQ(stage.ready, 5);
}

TEST(Dynamo, static_thresholds_follow_the_target) {
  PeerStage throughput{DynamoPolicy{}, 4}, latency{DynamoPolicy{.optimization_target = DynamoTarget::latency}, 4},
      load{DynamoPolicy{.optimization_target = DynamoTarget::load, .kv_scale_up = 0.9, .kv_scale_down = 0.5}, 4};
  throughput.in_flight = latency.in_flight = load.in_flight = 0.55 * 32;
  EXPECT_EQ(throughput.run(6), 3);  // below 0.6
  EXPECT_EQ(latency.run(6), 5);     // above 0.4
  EXPECT_EQ(load.run(6), 4);        // between 0.5 and 0.9
}

TEST(Dynamo, sla_load_loop_bursts_above_the_floor_and_never_below_it) {
  DynamoPolicy policy{.optimization_target = DynamoTarget::sla,
                      .enable_load_scaling = true,
                      .load_predictor = DynamoPredictor::constant,
                      .engine_rps = 4.0};
  PeerStage stage{policy, 4};
  stage.rate = 15;
  stage.in_flight = 20;
  stage.run(190);
  EXPECT_EQ(stage.size(), 4);
  stage.queued = 100;  // 100 / (4 * 4) s is more than the default objective allows
  EXPECT_EQ(stage.run(191), 5);
  stage.queued = stage.in_flight = 0;
  EXPECT_EQ(stage.run(300), 4);
}

TEST(Dynamo, never_leaves_zero_and_keeps_without_metrics) {
  PeerStage zero{DynamoPolicy{}, 0}, blind{DynamoPolicy{}, 3};
  zero.queued = 100;
  EXPECT_EQ(zero.run(600), 0);
  blind.is_blind = true;
  EXPECT_EQ(blind.run(600), 3);
}

// Of M/M/1: wait = rho / (mu - lambda).
TEST(StateDependentQueue, is_mm1_with_a_batch_of_one) {
  const auto figures = figures_at({.base = 1, .slope = 0, .batch = 1}, 0.5);
  EXPECT_NEAR(figures.wait, 1, 0.02);
  EXPECT_NEAR(figures.concurrency, 0.5, 0.001);
}

// Of M/M/2 at rho 0.75: Erlang C 0.6429, wait 0.6429 / (2 - 1.5) = 1.286.
TEST(StateDependentQueue, is_mm2_with_two_slots_at_their_speed) {
  EXPECT_NEAR(figures_at({.base = 1, .slope = 0, .batch = 2}, 1.5).wait, 1.286, 0.03);
}

TEST(StateDependentQueue, overload_stays_finite_and_full) {
  const auto figures = figures_at({.base = 1, .slope = 0.1, .batch = 256}, 1e6);
  EXPECT_NEAR(figures.concurrency, 256, 1e-6);
  EXPECT_TRUE(std::isfinite(figures.wait));
}

TEST(StateDependentQueue, largest_rate_meets_its_bounds_exactly) {
  const BatchQueue queue{.base = 1, .slope = 0.05, .batch = 16};
  const double rate = largest_rate(queue, {.wait = 0.5, .concurrency = 16});
  EXPECT_NEAR(figures_at(queue, rate).wait, 0.5, 1e-3);
  EXPECT_LT(largest_rate(queue, {.wait = 0.1, .concurrency = 16}), rate);
  EXPECT_NEAR(figures_at(queue, largest_rate(queue, {.wait = 5, .concurrency = 8})).concurrency, 8, 1e-3);
  EXPECT_EQ(largest_rate(queue, {.wait = 5, .concurrency = 0}), 0);
}

// Analysed every minute, seen 30 s later, and by the HPA once its window has held nothing less.
TEST(Wva, v1_adds_one_when_little_is_spare) {
  PeerStage stage{WvaPolicy{}, 4};
  stage.seen.kv_usage = Reading::of(0.72);
  stage.in_flight = 20;
  EXPECT_EQ(stage.changes_at(600), 196);  // analysed at 61, seen at 91; the HPA last saw 4 at 76
  EXPECT_EQ(stage.size(), 5);
}

TEST(Wva, v1_removes_one_when_the_rest_keep_their_margins) {
  PeerStage stage{WvaPolicy{.stabilize_up = 0s, .stabilize_down = 0s}, 4};
  stage.seen.kv_usage = Reading::of(0.5);
  stage.in_flight = 20;
  EXPECT_EQ(stage.run(110), 3);  // 0.5 * 4 / 3 leaves 0.13
  stage.seen.kv_usage = Reading::of(0.55);
  EXPECT_EQ(stage.run(600), 3);  // 0.55 * 3 / 2 would leave nothing
}

TEST(Wva, v1_sees_the_queue_and_waits_for_each_change) {
  PeerStage stage{WvaPolicy{.stabilize_up = 0s}, 2};
  stage.startup = 300;
  stage.in_flight = 4;
  stage.queued = 6;  // 3 a replica: 2 spare of 5
  EXPECT_EQ(stage.run(390), 3);
  EXPECT_EQ(stage.run(700), 3);  // 2 a replica: 3 spare
}

TEST(Wva, v2_computes_the_missing_replicas_at_once) {
  PeerStage stage{WvaPolicy{.analyzer = WvaAnalyzer::saturation_v2, .stabilize_up = 0s, .stabilize_down = 0s}, 4};
  stage.seen.kv_usage = Reading::of(0.8);
  stage.in_flight = 32;
  EXPECT_EQ(stage.run(110), 5);  // (3.2 / 0.85 - 3.2) / 0.8 = 0.7
  PeerStage waiting{WvaPolicy{.analyzer = WvaAnalyzer::saturation_v2, .stabilize_up = 0s}, 4};
  waiting.seen.kv_usage = Reading::of(0.8);
  waiting.in_flight = 32;
  waiting.queued = 32;
  EXPECT_EQ(waiting.run(110), 10);  // (6.4 / 0.85 - 3.2) / 0.8 = 5.4
}

TEST(Wva, v2_gives_back_what_is_spare) {
  PeerStage stage{WvaPolicy{.analyzer = WvaAnalyzer::saturation_v2, .stabilize_down = 0s}, 8};
  stage.seen.kv_usage = Reading::of(0.2);
  stage.in_flight = 16;
  EXPECT_EQ(stage.run(110), 3);  // (8 * 0.8 - 1.6 / 0.7) / 0.8 = 5.1
}

TEST(Wva, the_queueing_model_divides_the_rate) {
  PeerStage stage{WvaPolicy{.analyzer = WvaAnalyzer::queueing_model, .stabilize_up = 0s}, 1};
  stage.capacity = {.slots = 8, .admit = 8, .residence_base = 1, .basis = CapacityBasis::learned};
  stage.rate = 40;
  stage.in_flight = 8;
  const double size = stage.run(110);
  EXPECT_GE(size, 6);  // 8 a second at most
  EXPECT_LE(size, 7);
}

TEST(Wva, goes_to_zero_after_its_retention_and_wakes_at_once) {
  PeerStage stage{WvaPolicy{.retention = 5min}, 2};
  stage.run(250);
  EXPECT_GE(stage.size(), 1);
  stage.run(700);
  EXPECT_EQ(stage.size(), 0);
  stage.queued = 1;
  EXPECT_EQ(stage.tick(), 1);
}

TEST(Aibrix, apa_is_proportional_within_its_rates) {
  PeerStage some{AibrixPolicy{}, 4}, many{AibrixPolicy{}, 4}, within{AibrixPolicy{}, 4};
  some.in_flight = 48;
  many.in_flight = 160;
  within.in_flight = 35;
  EXPECT_EQ(some.tick(), 6);
  EXPECT_EQ(many.tick(), 8);
  EXPECT_EQ(within.tick(), 4);
}

TEST(Aibrix, kpa_as_written_lowers_under_load) {
  const AibrixPolicy written{.strategy = AibrixStrategy::kpa, .target_value = 10};
  auto meant = written;
  meant.as_written = false;
  PeerStage stage{written, 8}, other{meant, 8};
  stage.in_flight = other.in_flight = 240;
  EXPECT_EQ(stage.tick(), 4);   // ceil(30 / 10), at least floor(8 / 2)
  EXPECT_EQ(other.tick(), 16);  // ceil(240 / 10), at most double
}

TEST(Aibrix, kpa_as_meant_keeps_its_panic_size) {
  PeerStage stage{AibrixPolicy{.strategy = AibrixStrategy::kpa, .target_value = 10, .as_written = false}, 2};
  stage.in_flight = 60;
  stage.run(30);
  EXPECT_EQ(stage.size(), 6);
  stage.in_flight = 5;
  EXPECT_EQ(stage.run(150), 6);
  EXPECT_LT(stage.run(1000), 6);
}

TEST(Aibrix, the_cooldown_keeps_the_highest_as_meant_and_the_lowest_as_written) {
  PeerStage written{AibrixPolicy{}, 8}, meant{AibrixPolicy{.as_written = false}, 8};
  written.in_flight = meant.in_flight = 64;
  written.run(60);
  meant.run(60);
  written.in_flight = meant.in_flight = 32;
  EXPECT_EQ(written.run(72), 4);
  EXPECT_EQ(meant.run(72), 8);
  EXPECT_EQ(meant.run(400), 4);
}

TEST(Aibrix, replicas_that_start_double_it_until_the_guard_came) {
  PeerStage before{AibrixPolicy{}, 2}, after{AibrixPolicy{.pending_guard = true}, 2};
  before.startup = after.startup = 600;
  before.in_flight = after.in_flight = 32;
  EXPECT_EQ(before.run(31), 32);
  EXPECT_EQ(after.run(31), 4);
}

TEST(Peers, memories_survive_an_archive_and_stay_small) {
  const PolicySpec peers[] = {WvaPolicy{},
                              WvaPolicy{.analyzer = WvaAnalyzer::queueing_model},
                              AibrixPolicy{.strategy = AibrixStrategy::kpa},
                              DynamoPolicy{.optimization_target = DynamoTarget::sla, .enable_load_scaling = true},
                              AwsStepPolicy{},
                              AwsPredictivePolicy{},
                              GcpPolicy{.predictive = true},
                              SageMakerPolicy{},
                              KeepAlivePolicy{.window = 60s}};
  for (const PolicySpec& peer : peers) {
    SCOPED_TRACE(policy_name(peer));
    PeerStage stage{peer, 2};
    for (int i = 0; i < 20'000; ++i) {
      stage.in_flight = 10 + i % 37;
      stage.queued = i % 5;
      stage.rate = 3;
      stage.tick();
    }
    ByteWriter writer;
    writer(stage.memory);
    EXPECT_LT(writer.bytes().size(), 24u << 10);
    PolicyMemory read;
    ByteReader reader(writer.bytes());
    reader(read);
    EXPECT_TRUE(reader.at_end() && !reader.failed());
    EXPECT_EQ(read, stage.memory);
  }
}

}  // namespace
}  // namespace tidegate
