// Kubernetes' HPA: the worked numbers of its headers, and the live policy on a stage. The recorded rows of its own
// tests are tests/conformance.
#include "core/policy/peers/hpa.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/base/archive.h"
#include "core/policy/peers/milli.h"
#include "core/policy/peers/testing/peer_stage.h"

namespace tidegate {
namespace {

constexpr auto int64_most = std::numeric_limits<std::int64_t>::max();
constexpr auto int32_most = std::numeric_limits<std::int32_t>::max();

TEST(Milli, stays_at_the_largest_number) {
  EXPECT_EQ(add_saturated(int64_most, 1), int64_most);
  EXPECT_EQ(add_saturated(-int64_most, -2), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(multiply_saturated(int64_most, -2), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(saturated_int32(1e300), int32_most);
  EXPECT_EQ(saturated_int64(std::numeric_limits<double>::quiet_NaN()), 0);
  EXPECT_EQ(to_milli(1.2345), 1234);
}

std::vector<HpaPod> running(std::initializer_list<std::int64_t> values) {
  std::vector<HpaPod> pods;
  for (const auto value : values)
    pods.push_back({.ready = true, .started = Instant{}, .request = 1000, .sample = HpaSample{.value = value}});
  return pods;
}

HpaPodSums sums(const std::vector<HpaPod>& pods, std::int32_t target_percent = 0) {
  return sum_pods(pods, {}, {}, target_percent, instant_at(3600));
}

TEST(HpaMetrics, utilization_truncates_to_percent) {
  const auto proposal = propose_utilization(sums(running({300, 500, 700})), 30, 3, {});
  ASSERT_TRUE(proposal);
  EXPECT_EQ(proposal->replicas, 5);
  EXPECT_EQ(proposal->utilization, 50);
}

TEST(HpaMetrics, missing_pods_count_as_full_when_lowering_and_as_idle_when_raising) {
  auto pods = running({100, 100, 0, 0});
  pods[2].sample.reset();
  pods[3].sample.reset();
  // 10 % of 50: with two more at 100 % it is 55 %, on the other side of 1.
  EXPECT_EQ(propose_utilization(sums(pods, 50), 50, 4, {})->replicas, 4);
  pods[0].sample->value = pods[1].sample->value = 900;
  // 90 % of 50: with two more at 0 it is 45 %, on the other side of 1.
  EXPECT_EQ(propose_utilization(sums(pods, 50), 50, 4, {})->replicas, 4);
  pods[0].sample->value = pods[1].sample->value = 1900;
  EXPECT_EQ(propose_utilization(sums(pods, 50), 50, 4, {})->replicas, 8);
}

TEST(HpaMetrics, a_pod_without_request_and_a_set_without_samples_answer_nothing) {
  auto pods = running({100, 100});
  pods[1].request.reset();
  EXPECT_FALSE(propose_utilization(sums(pods), 50, 2, {}));
  EXPECT_TRUE(propose_pods_average(sums(pods), 50, 2, {}));
  pods[0].sample.reset();
  pods[1].sample.reset();
  EXPECT_FALSE(propose_pods_average(sums(pods), 50, 2, {}));
  EXPECT_FALSE(propose_pods_average(sums({}), 50, 2, {}));
}

TEST(HpaMetrics, the_tolerance_has_two_sides) {
  const auto size = [](std::int64_t value, HpaTolerance tolerance) {
    return propose_pods_average(sums(running({value, value, value, value})), 1000, 4, tolerance)->replicas;
  };
  EXPECT_EQ(size(1100, {}), 4);
  EXPECT_EQ(size(1101, {}), 5);
  EXPECT_EQ(size(700, {.up = 0.1, .down = 0.3}), 4);
  EXPECT_EQ(size(699, {.up = 0.1, .down = 0.3}), 3);
}

TEST(HpaMetrics, a_value_follows_the_ready_pods_and_a_total_does_not) {
  const auto pods = sums(running({0, 0}));
  EXPECT_EQ(propose_value(30'000, 10'000, pods, 2, {})->replicas, 6);
  EXPECT_EQ(propose_value(30'000, 10'000, sums({}), 0, {})->replicas, 3);
  auto unready = running({0, 0});
  for (auto& pod : unready) pod.ready = false;
  EXPECT_EQ(propose_value(30'000, 10'000, sums(unready), 2, {})->replicas, 0);  // kubernetes#130130
  EXPECT_EQ(propose_average_value(30'000, 10'000, 2, {})->replicas, 3);
  EXPECT_EQ(propose_average_value(int64_most, 1, 1, {})->replicas, int32_most);
}

HpaLog log_with(std::initializer_list<std::pair<double, std::int32_t>> ups) {
  HpaLog log{.started = true};
  for (const auto& [at, change] : ups) log.ups.push_back({instant_at(at), change});
  return log;
}

TEST(HpaBehavior, growth_is_counted_from_the_begin_of_the_period) {
  const HpaScalingRules up{.policies = {{.unit = HpaScalingUnit::percent, .value = 200, .period = 60s}}};
  const auto now = instant_at(1000);
  EXPECT_EQ(limit({1, 1000}, up, {}, {}, now, 10, 50).replicas, 30);
  EXPECT_EQ(limit({1, 1000}, up, {}, {}, now, 10, 50).reason, HpaReason::scale_up_limit);
  EXPECT_EQ(limit({1, 20}, up, {}, {}, now, 10, 50).reason, HpaReason::too_many_replicas);
  // 6 of the 10 were added within the minute: 3 * 4, and an event 60 s old is outside.
  EXPECT_EQ(limit_up(up, log_with({{941, 6}}), now, 10), 12);
  EXPECT_EQ(limit_up(up, log_with({{940, 6}}), now, 10), 30);
}

TEST(HpaBehavior, select_takes_the_largest_or_smallest_change_or_none) {
  HpaScalingRules rules{.policies = {{.unit = HpaScalingUnit::pods, .value = 4, .period = 15s},
                                     {.unit = HpaScalingUnit::percent, .value = 100, .period = 15s}}};
  const auto now = instant_at(1000);
  EXPECT_EQ(limit_up(rules, {}, now, 10), 20);
  EXPECT_EQ(limit_down(rules, {}, now, 10), 0);
  rules.select = HpaSelect::min;
  EXPECT_EQ(limit_up(rules, {}, now, 10), 14);
  EXPECT_EQ(limit_down(rules, {}, now, 10), 6);
  rules.select = HpaSelect::disabled;
  EXPECT_EQ(limit_up(rules, {}, now, 10), 10);
  EXPECT_EQ(limit_down(rules, {}, now, 10), 10);
}

TEST(HpaBehavior, logs_are_bounded) {
  std::vector<HpaRecommendation> log;
  for (int t = 0; t < 10'000; ++t) (void)stabilize(log, instant_at(t), 1h, 1h, 5, 5);
  EXPECT_LE(log.size(), 512u);
  // Expired places are taken again.
  log.clear();
  for (int t = 0; t < 10'000; t += 15) (void)stabilize(log, instant_at(t), 5min, 5);
  EXPECT_LE(log.size(), 21u);
}

TEST(HpaSync, outside_its_bounds_it_moves_at_once_and_at_zero_not_at_all) {
  HpaLog log;
  const HpaRules rules{.bounds = {2, 5}};
  EXPECT_EQ(sync(rules, log, {.now = instant_at(0), .replicas = 10, .metrics = {}}).replicas, 5);
  EXPECT_EQ(sync(rules, log, {.now = instant_at(0), .replicas = 1, .metrics = {}}).replicas, 2);
  const auto at_zero = sync(rules, log, {.now = instant_at(0), .replicas = 0, .metrics = {}});
  EXPECT_EQ(at_zero.replicas, 0);
  EXPECT_EQ(at_zero.scaling_active->reason, HpaReason::scaling_disabled);
}

// ---- the policy

TEST(Hpa, doubles_and_is_limited_by_its_rate) {
  PeerStage stage{HpaPolicy{.metric_delay = 0s}, 4};
  stage.in_flight = 64;
  EXPECT_EQ(stage.run(1), 8);
  stage.in_flight = 640;
  EXPECT_EQ(stage.changes_at(60), 16);
  EXPECT_EQ(stage.size(), 16);
  EXPECT_EQ(stage.run(31), 32);
}

TEST(Hpa, sees_the_metric_late_and_only_at_its_sync) {
  PeerStage stage{HpaPolicy{}, 4};
  stage.in_flight = 64;
  EXPECT_EQ(stage.changes_at(60), 16);
  EXPECT_EQ(stage.size(), 8);
}

TEST(Hpa, lowers_only_after_its_window) {
  PeerStage stage{HpaPolicy{.metric_delay = 0s}, 8};
  stage.in_flight = 64;
  stage.run(1);
  stage.in_flight = 8;
  EXPECT_EQ(stage.changes_at(1000), 301);
  EXPECT_EQ(stage.size(), 1);
}

TEST(Hpa, tolerates_a_tenth_and_keeps_without_a_metric) {
  PeerStage stage{HpaPolicy{.metric_delay = 0s}, 4};
  stage.in_flight = 35;
  EXPECT_EQ(stage.run(60), 4);
  stage.is_blind = true;
  EXPECT_EQ(stage.run(600), 4);
  EXPECT_FALSE(stage.proposal.has_evidence);
  EXPECT_EQ(stage.proposal.note, "FailedGetPodsMetric");
}

TEST(Hpa, the_largest_proposal_wins_and_a_lost_metric_forbids_lowering) {
  PeerStage stage{HpaPolicy{.metric_delay = 0s,
                            .stabilize_down = 0s,
                            .metrics = {{.signal = Signal::queued, .type = HpaTarget::average_value, .target = 2}}},
                  4};
  stage.in_flight = 32;
  stage.queued = 12;
  EXPECT_EQ(stage.run(1), 6);
  stage.in_flight = 8;
  stage.queued = 0;
  stage.is_blind = true;  // in_flight is gone, queued says nothing waits
  EXPECT_EQ(stage.run(120), 6);
  stage.is_blind = false;
  EXPECT_EQ(stage.run(240), 1);
}

TEST(Hpa, a_share_of_a_gpu_is_a_utilization) {
  PeerStage stage{
      HpaPolicy{.signal = Signal::gpu_util, .target_average = 0.6, .metric_delay = 0s, .type = HpaTarget::utilization},
      4};
  stage.seen.gpu_util = Reading::of(0.9);
  EXPECT_EQ(stage.run(1), 6);
  EXPECT_EQ(stage.proposal.band.floor_reason, Reason::signal_above_target);
}

TEST(Hpa, one_number_compounds_while_replicas_load_and_a_share_of_pods_does_not) {
  const auto peak = [](HpaTarget type) {
    PeerStage stage{HpaPolicy{.metric_delay = 0s, .stabilize_down = 0s, .type = type}, 1};
    stage.spec.guardrails.replicas_max = Replicas{1000};
    stage.startup = 60;
    stage.in_flight = 80;
    stage.run(59);
    return stage.size();
  };
  EXPECT_EQ(peak(HpaTarget::average_value), 10);
  EXPECT_EQ(peak(HpaTarget::pods_average), 10);
  // Ten times the ready pods at every sync, although the value does not fall: kubernetes overshoots until max.
  PeerStage stage{HpaPolicy{.metric_delay = 0s, .up_percent = 1000, .type = HpaTarget::value}, 1};
  stage.spec.guardrails.replicas_max = Replicas{1000};
  stage.startup = 20;
  stage.in_flight = 80;
  stage.run(120);
  EXPECT_EQ(stage.size(), 1000);
}

TEST(Hpa, only_a_metric_of_the_whole_can_reach_zero_and_come_back) {
  HpaPolicy policy{.metric_delay = 0s, .stabilize_down = 0s};
  PeerStage pods{policy, 2};
  EXPECT_EQ(pods.run(60), 1);
  policy.type = HpaTarget::average_value;
  PeerStage whole{policy, 2};
  EXPECT_EQ(whole.run(60), 0);
  whole.in_flight = 20;
  EXPECT_EQ(whole.run(90), 3);
  PeerStage idle{HpaPolicy{.metric_delay = 0s}, 0};
  EXPECT_EQ(idle.run(1), 1);
}

TEST(Hpa, policies_take_the_place_of_the_simple_limits) {
  HpaPolicy policy{.metric_delay = 0s, .stabilize_down = 0s};
  policy.down_policies = {{.unit = HpaScalingUnit::pods, .value = 2, .period = 60s},
                          {.unit = HpaScalingUnit::percent, .value = 10, .period = 60s}};
  policy.up_select = HpaSelect::disabled;
  PeerStage stage{policy, 10};
  EXPECT_EQ(stage.run(1), 8);
  EXPECT_EQ(stage.run(59), 8);
  EXPECT_EQ(stage.run(76), 6);
  stage.in_flight = 640;
  EXPECT_EQ(stage.run(300), 6);
}

TEST(Hpa, a_crash_does_not_change_what_it_asked_for) {
  PeerStage stage{HpaPolicy{.metric_delay = 0s}, 4};
  stage.in_flight = 32;
  stage.run(15);
  stage.ready = 2;
  EXPECT_EQ(stage.run(16), 4);
}

TEST(Hpa, beside_us_an_average_is_spread_over_its_own_replicas) {
  PeerStage stage{HpaPolicy{}, 8};
  const HpaPolicy policy{
      .signal = Signal::gpu_util, .target_average = 0.5, .metric_delay = 0s, .type = HpaTarget::utilization};
  HpaMemory memory;
  const auto size = [&](double now, double ready) {
    stage.seen.now = instant_at(now);
    stage.seen.gpu_util = Reading::of(0.8);
    PolicyInput input{.spec = stage.spec,
                      .seen = stage.seen,
                      .demand = stage.demand,
                      .at_lead = stage.forecast,
                      .over_hold = stage.forecast,
                      .reference = stage.capacity,
                      .history = stage.history,
                      .ready = ready,
                      .ready_measured = 5};
    return propose(policy, memory, input).band.floor.value();
  };
  EXPECT_EQ(size(0, 5), 8);   // 80 % of five
  EXPECT_EQ(size(15, 8), 8);  // is 50 % of eight
}

TEST(Hpa, remembers_within_bounds_and_comes_back_from_bytes) {
  PeerStage stage{HpaPolicy{.sync_period = 1s, .stabilize_down = 1h}, 4};
  for (int i = 0; i < 3000; ++i) {
    stage.in_flight = 8 * (i % 37);
    stage.tick();
  }
  ByteWriter writer;
  writer(std::get<HpaMemory>(stage.memory));
  EXPECT_LE(writer.bytes().size(), 20'000u);
  HpaMemory back;
  ByteReader reader{writer.bytes()};
  reader(back);
  EXPECT_FALSE(reader.failed());
  EXPECT_EQ(back, std::get<HpaMemory>(stage.memory));
}

TEST(MetricPipeline, delays_what_goes_through_and_holds_little_of_it) {
  MetricPipeline pipeline;
  for (int t = 0; t <= 600; ++t) {
    put(pipeline, 30s, {.at = instant_at(t), .reading = Reading::of(t)});
    const auto value = arrived(pipeline, 30s, instant_at(t)).reading;
    EXPECT_EQ(value.is_fresh(), t >= 30);
    if (t < 30) continue;
    EXPECT_GE(t - value.value, 30);
    EXPECT_LE(t - value.value, 32);
  }
  EXPECT_LE(pipeline.values.size(), MetricPipeline::kept_most);
}

}  // namespace
}  // namespace tidegate
