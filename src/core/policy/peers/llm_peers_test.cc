// The scalers of LLM serving stacks: the worked numbers of their headers.
#include <gtest/gtest.h>

#include "core/policy/peers/kv_share.h"
#include "core/policy/peers/load_predictor.h"
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

}  // namespace
}  // namespace tidegate
