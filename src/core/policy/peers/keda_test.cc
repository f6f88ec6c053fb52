// KEDA's ScaledObject: its decision table, fallback and activation, and the worked numbers of the header.
#include "core/policy/peers/keda.h"

#include <gtest/gtest.h>

#include "core/base/archive.h"
#include "core/policy/peers/keda_triggers.h"
#include "core/policy/peers/testing/peer_stage.h"

namespace tidegate {
namespace {

// One trigger on in_flight, seen without delay.
KedaPolicy one_trigger(double threshold, double activation = 0) {
  return {.triggers = {{.threshold = threshold, .activation_threshold = activation}}, .metric_delay = 0s};
}

TEST(Keda, wakes_within_a_poll_and_grows_with_the_syncs_of_its_hpa) {
  PeerStage stage{one_trigger(8), 0};
  stage.run(1);
  stage.in_flight = 64;
  EXPECT_EQ(stage.changes_at(100), 31);
  // The sync of the same second already sees the one replica.
  EXPECT_EQ(stage.size(), 4);
  EXPECT_EQ(stage.changes_at(100), 46);
  EXPECT_EQ(stage.size(), 8);
}

TEST(Keda, activation_is_strict_and_beats_scaling) {
  PeerStage stage{one_trigger(10, 50), 0};
  stage.in_flight = 40;
  EXPECT_EQ(stage.run(300), 0);
  stage.in_flight = 50;
  EXPECT_EQ(stage.run(600), 0);
  stage.in_flight = 51;
  EXPECT_EQ(stage.run(700), 6);
}

TEST(Keda, with_a_minimum_activation_counts_for_nothing) {
  PeerStage stage{one_trigger(10, 50), 2};
  stage.spec.guardrails.replicas_min = Replicas{2};
  stage.in_flight = 40;
  EXPECT_EQ(stage.run(60), 4);
}

TEST(Keda, goes_from_any_size_to_zero_once_the_cooldown_is_over) {
  auto policy = one_trigger(8);
  policy.cooldown_period = 60s;
  PeerStage stage{policy, 0};
  stage.in_flight = 64;
  stage.run(120);
  EXPECT_EQ(stage.size(), 8);
  stage.in_flight = 0;
  // Active last at the poll of 91, and 91 + 60 is not before that of 151. Its HPA would hold eight until 406.
  EXPECT_EQ(stage.changes_at(1000), 181);
  EXPECT_EQ(stage.size(), 0);
  EXPECT_EQ(stage.proposal.band.ceiling_reason, Reason::idle_timeout);
}

TEST(Keda, never_active_waits_for_the_initial_cooldown) {
  auto policy = one_trigger(8);
  policy.initial_cooldown_period = 2min;
  PeerStage stage{policy, 3};
  EXPECT_EQ(stage.changes_at(1000), 151);
  EXPECT_EQ(stage.size(), 0);
}

TEST(Keda, idles_below_its_minimum) {
  auto policy = one_trigger(8);
  policy.idle_replicas = Replicas{0};
  policy.cooldown_period = 60s;
  PeerStage stage{policy, 0};
  stage.spec.guardrails.replicas_min = Replicas{3};
  EXPECT_EQ(stage.run(100), 0);
  stage.in_flight = 1;
  EXPECT_EQ(stage.run(200), 3);
  stage.in_flight = 0;
  EXPECT_EQ(stage.run(400), 0);
}

TEST(Keda, without_idle_replicas_it_raises_to_the_minimum) {
  PeerStage stage{one_trigger(8), 0};
  stage.spec.guardrails.replicas_min = Replicas{2};
  EXPECT_EQ(stage.run(1), 2);
}

TEST(Keda, an_empty_answer_is_zero_and_an_error_is_not) {
  for (const bool is_error : {false, true}) {
    PeerStage stage{KedaPolicy{.triggers = {{.signal = Signal::custom, .name = "load"}}, .metric_delay = 0s}, 4};
    stage.seen.custom = {{"load", Reading::of(32)}};
    stage.run(60);
    stage.seen.custom = {{"load", Reading{.quality = is_error ? Quality::error : Quality::absent}}};
    EXPECT_EQ(stage.run(1000), is_error ? 4 : 0);  // keda#3065
    EXPECT_FALSE(stage.proposal.has_evidence);
  }
}

TEST(Keda, triggers_combine_by_the_largest_and_any_of_them_is_active) {
  PeerStage stage{KedaPolicy{.metric_delay = 0s}, 0};
  stage.queued = 24;
  EXPECT_EQ(stage.run(60), 3);
  stage.queued = 0;
  stage.in_flight = 40;
  EXPECT_EQ(stage.run(120), 5);
}

TEST(Keda, a_poll_sees_the_metric_late) {
  PeerStage stage{KedaPolicy{.metric_delay = 15s}, 0};
  stage.run(20);
  stage.in_flight = 8;
  // Polls at 16, 46, ...: at 46 the value of 31 has arrived.
  EXPECT_EQ(stage.changes_at(200), 46);
}

TEST(Keda, cached_metrics_make_the_hpa_wait_for_the_poll) {
  const auto raised_at = [](bool is_cached) {
    auto policy = one_trigger(8);
    policy.triggers[0].use_cached_metrics = is_cached;
    PeerStage stage{policy, 1};
    stage.in_flight = 8;
    stage.run(1);
    stage.in_flight = 16;
    return stage.changes_at(100);
  };
  EXPECT_EQ(raised_at(false), 16);
  EXPECT_EQ(raised_at(true), 31);
}

TEST(Keda, behaviour_of_its_hpa_is_taken_when_given) {
  auto policy = one_trigger(8);
  policy.stabilize_down = 30s;
  PeerStage stage{policy, 8};
  stage.in_flight = 64;
  stage.run(60);
  stage.in_flight = 16;
  EXPECT_EQ(stage.run(120), 2);
}

TEST(KedaFallback, stands_in_after_more_failures_than_the_threshold) {
  const KedaTrigger trigger{.threshold = 8};
  const std::optional<KedaFallback> fallback = KedaFallback{.failure_threshold = 2, .replicas = Replicas{5}};
  const Reading error{.quality = Quality::error};
  KedaTriggerMemory memory;
  EXPECT_FALSE(ask(trigger, fallback, memory, error, {}));
  EXPECT_FALSE(ask(trigger, fallback, memory, error, {}));
  EXPECT_EQ(ask(trigger, fallback, memory, error, {}), 40);
  EXPECT_EQ(ask(trigger, fallback, memory, Reading::of(3), {}), 3);
  EXPECT_FALSE(ask(trigger, fallback, memory, error, {}));
}

TEST(KedaFallback, behaviours_compare_with_the_current_size) {
  const auto total = [](KedaFallbackBehavior behavior, std::int32_t current) {
    return fallback_value({.threshold = 10}, {.replicas = Replicas{5}, .behavior = behavior}, {.replicas = current});
  };
  EXPECT_EQ(total(KedaFallbackBehavior::fixed, 7), 50);
  EXPECT_EQ(total(KedaFallbackBehavior::current_replicas, 7), 70);
  EXPECT_EQ(total(KedaFallbackBehavior::current_replicas_if_higher, 7), 70);
  EXPECT_EQ(total(KedaFallbackBehavior::current_replicas_if_higher, 3), 50);
  EXPECT_EQ(total(KedaFallbackBehavior::current_replicas_if_lower, 7), 50);
  EXPECT_EQ(total(KedaFallbackBehavior::current_replicas_if_lower, 3), 30);
}

TEST(KedaFallback, a_value_is_shared_by_the_ready_replicas) {
  const KedaTrigger trigger{.threshold = 10, .metric_type = HpaTarget::value};
  EXPECT_EQ(fallback_value(trigger, {.replicas = Replicas{6}}, {.ready = 3}), 20);
  EXPECT_FALSE(fallback_value(trigger, {.replicas = Replicas{6}}, {.ready = 0}));
}

TEST(KedaFallback, holds_the_size_while_the_source_is_down) {
  auto policy = one_trigger(8);
  policy.triggers[0] = {.signal = Signal::custom, .name = "load"};
  policy.fallback = KedaFallback{.failure_threshold = 3, .replicas = Replicas{6}};
  PeerStage stage{policy, 2};
  stage.seen.custom = {{"load", Reading::of(16)}};
  stage.run(60);
  EXPECT_EQ(stage.size(), 2);
  stage.seen.custom = {{"load", Reading{.quality = Quality::error}}};
  EXPECT_EQ(stage.run(200), 6);
  EXPECT_EQ(stage.run(2000), 6);
}

TEST(KedaTrigger, negative_values_are_zero) {
  EXPECT_EQ(trigger_value({}, Reading::of(-3)), 0);
  EXPECT_EQ(trigger_value({}, Reading{.quality = Quality::nan}), 0);
  EXPECT_FALSE(trigger_value({.ignore_null_values = false}, Reading{.quality = Quality::nan}));
}

TEST(Keda, remembers_within_bounds_and_comes_back_from_bytes) {
  PeerStage stage{KedaPolicy{}, 4};
  for (int i = 0; i < 3000; ++i) {
    stage.in_flight = 8 * (i % 37);
    stage.tick();
  }
  ByteWriter writer;
  writer(std::get<KedaMemory>(stage.memory));
  EXPECT_LE(writer.bytes().size(), 4096u);
  KedaMemory back;
  ByteReader reader{writer.bytes()};
  reader(back);
  EXPECT_FALSE(reader.failed());
  EXPECT_EQ(back, std::get<KedaMemory>(stage.memory));
}

}  // namespace
}  // namespace tidegate
