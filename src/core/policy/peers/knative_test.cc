// Knative's pod autoscaler: worked numbers of its headers, its panic and its way to zero.
#include "core/policy/peers/knative.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "core/base/archive.h"
#include "core/base/prng.h"
#include "core/policy/peers/knative_target.h"
#include "core/policy/peers/testing/peer_trial.h"

namespace tidegate {
namespace {

constexpr auto linear = KnativeAggregation::linear;

TEST(KnativeWindows, stale_buckets_count_neither_in_the_sum_nor_in_the_length) {
  BucketWindow window{5s, 1s};
  for (int i = 0; i < 5; ++i) window.record(instant_at(1000 + i), i + 1);
  EXPECT_EQ(window.average(instant_at(1004), linear), 3);
  EXPECT_EQ(window.average(instant_at(1006), linear), 4);
  EXPECT_EQ(window.average(instant_at(1009), linear), 0) << "a silent window is zero";
  window.record(instant_at(1006), 91);
  EXPECT_EQ(window.average(instant_at(1006), linear), 20.6) << "a gap is zero";
}

TEST(KnativeWindows, weights_fall_to_the_oldest_bucket) {
  BucketWindow window{6s, 1s};
  window.record(instant_at(10), 1);
  const double m = smoothing_coefficient(6);
  EXPECT_NEAR(m, 0.78456, 1e-5);
  EXPECT_DOUBLE_EQ(window.average(instant_at(10), KnativeAggregation::weighted_exponential), m);
  EXPECT_DOUBLE_EQ(window.average(instant_at(12), KnativeAggregation::weighted_exponential), m * (1 - m) * (1 - m));
}

// The plain definition: the highest of the last `size` values.
TEST(KnativeWindows, sliding_max_is_the_highest_of_the_window) {
  Prng random{3};
  SlidingMax window{.size = 7};
  std::deque<double> last;
  for (int i = 0; i < 2'000; ++i) {
    last.push_back(static_cast<double>(random.below(20)));
    if (last.size() > 7) last.pop_front();
    ASSERT_EQ(record(window, i, last.back()), *std::ranges::max_element(last)) << i;
    ASSERT_LE(window.entries.size(), 8U);
  }
}

TEST(KnativeTarget, an_annotation_lowers_the_containers_limit) {
  const auto aim = knative_target({.container_concurrency = 12, .utilization_percentage = 75});
  EXPECT_EQ(aim.target, 9);
  EXPECT_EQ(aim.total, 12);
  EXPECT_EQ(knative_target({.container_concurrency = 1, .target = 10}).total, 1);
  EXPECT_EQ(knative_panic_window(60s, 10, 1s), 6s);
}

TEST(KnativeScaler, panics_at_twice_what_is_ready_and_never_lowers_meanwhile) {
  const KnativeScaleSettings settings{.target = 10, .total = 13, .max_scale_up_rate = 10, .max_scale_down_rate = 10};
  auto memory = knative_start(settings, instant_at(0), 1);
  const auto scale = [&](double t, std::int32_t ready, double stable, double panic) {
    return *knative_scale(settings, memory, instant_at(t),
                          {.ready = ready, .windows = KnativeScaleInput::Windows{stable, panic}});
  };
  EXPECT_EQ(scale(0, 1, 50, 100).desired, 10);
  const auto after = scale(30, 10, 1, 1);
  EXPECT_EQ(after.desired, 10);
  EXPECT_EQ(after.measured, 1);
  EXPECT_EQ(scale(61, 10, 1, 1).desired, 1);
  EXPECT_FALSE(knative_scale(settings, memory, instant_at(70), {.ready = 1})) << "nothing measured, no answer";
}

TEST(Knative, panics_within_seconds_and_is_a_band_meanwhile) {
  PeerTrial trial{KnativePolicy{.target = 10}};
  EXPECT_EQ(trial.run(0, 60, 7, 1), 1);
  EXPECT_EQ(trial.run(61, 70, 70, 1), 10);
  const auto falling = trial.run(71, 90, 7, 10);
  EXPECT_EQ(falling, 10);
  const auto band = trial.at(92, 7, 10).band;
  EXPECT_EQ(band.ceiling.value(), 10);
  EXPECT_LT(band.floor.value(), 10);
  EXPECT_EQ(band.ceiling_reason, Reason::hold_down);
}

TEST(Knative, the_last_pod_goes_once_its_window_is_silent) {
  PeerTrial trial{KnativePolicy{}};
  EXPECT_EQ(trial.run(0, 120, 5, 1), 1);
  EXPECT_EQ(trial.run(121, 181, 0, 1), 1) << "60 s until the window is silent";
  EXPECT_EQ(trial.run(182, 200, 0, 1), 0) << "no grace: all traffic has gone through the activator for long";
  const auto woken = trial.at(201, 1, 0);
  EXPECT_EQ(woken.band.floor.value(), 1) << "the first request is decided on at once";
  EXPECT_EQ(woken.band.floor_reason, Reason::activate_request);
}

TEST(Knative, the_last_pod_has_a_grace_when_traffic_did_not_go_through_the_activator) {
  PeerTrial trial{KnativePolicy{.target_burst_capacity = 0}};
  EXPECT_EQ(trial.run(0, 120, 5, 1), 1);
  EXPECT_EQ(trial.run(121, 209, 0, 1), 1) << "30 s more";
  const Band band = trial.at(209.5, 0, 1).band;
  EXPECT_EQ(band.floor.value(), 0);
  EXPECT_EQ(band.ceiling.value(), 1);
  EXPECT_EQ(band.ceiling_reason, Reason::idle_timeout);
  EXPECT_EQ(trial.run(210, 212, 0, 1), 0);
}

TEST(Knative, failing_scrapes_keep_the_size) {
  PeerTrial trial{KnativePolicy{.target = 10}};
  (void)trial.run(0, 120, 35, 5);
  EXPECT_EQ(trial.run(121, 400, -1, 5), 5);
}

TEST(Knative, the_windows_do_not_mind_the_tick) {
  for (const double every : {0.25, 0.7, 1.0, 5.0}) {
    PeerTrial trial{KnativePolicy{.target = 10}};
    (void)trial.run(0, 180, 35, 5, every);
    const auto proposal = trial.at(182, 35, 5);
    ASSERT_GE(proposal.facts.size(), 2U);
    EXPECT_NEAR(proposal.facts[0].value, 35, 0.5) << every;
    EXPECT_NEAR(proposal.facts[1].value, 35, 0.5) << every;
  }
}

TEST(Knative, a_restart_with_replicas_keeps_them_while_the_windows_fill) {
  PeerTrial trial{KnativePolicy{.target = 10}};
  EXPECT_EQ(trial.run(0, 50, 1, 8), 8);
}

TEST(Knative, memory_survives_the_archive) {
  PeerTrial trial{KnativePolicy{.window = 1h}};
  (void)trial.run(0, 5'000, 160, 4);
  ByteWriter writer;
  writer(trial.memory);
  EXPECT_LT(writer.bytes().size(), 65'536U);
  const auto bytes = writer.take();
  PolicyMemory read;
  ByteReader reader{bytes};
  reader(read);
  EXPECT_TRUE(!reader.failed() && reader.at_end());
  EXPECT_EQ(read, trial.memory);
}

}  // namespace
}  // namespace tidegate
