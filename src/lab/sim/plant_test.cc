#include "lab/sim/plant.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

constexpr Instant start{};

PlantSpec one_pool(LifecyclePool life, WorkModel work) {
  return {.service = "chat", .pools = {{.life = std::move(life), .work = work, .gpus = 1}}, .start = start};
}

ArrivalStream clockwork(double rate, Duration until) {
  return renewal_arrivals(RateCurve{}.knot(0s, rate).knot(until, rate).knot(until, 0), 0, Prng{1});
}

Decision size(std::int32_t replicas) { return {.pools = {{.pool = "default", .replicas = Replicas{replicas}}}}; }

TEST(Plant, serves_in_order_with_slots) {
  // One slot, 2 s each, a request a second: they wait 0, 1, 2, 3 s.
  Plant plant{one_pool({.initial = 1}, {.slots = 1, .base = 2s}), clockwork(1, 4500ms)};
  plant.advance(start + 4s);
  const auto seen = plant.observe();
  EXPECT_EQ(seen.arrivals.fresh(), 4);
  EXPECT_EQ(seen.completions.fresh(), 1);
  EXPECT_EQ(seen.in_flight.fresh(), 1);
  EXPECT_EQ(seen.queued.fresh(), 2);
  EXPECT_EQ(seen.pools.at(0).ready, 1);
  EXPECT_EQ(seen.pools.at(0).in_flight.fresh(), 1);
  const auto& card = plant.close();
  EXPECT_EQ(card.score().requests, 4u);
  EXPECT_EQ(card.latency_quantile(LatencyKind::queue_wait, 1), 3.0);
  EXPECT_DOUBLE_EQ(card.score().replica_hours, 4.0 / 3600);
}

TEST(Plant, residence_grows_with_concurrency) {
  Plant plant{one_pool({.initial = 1}, {.slots = 8, .base = 10s, .slope = 1s}), clockwork(1, 3500ms)};
  const auto& card = plant.close();
  EXPECT_EQ(card.score().requests, 0u);  // closed before anything came
  Plant other{one_pool({.initial = 1}, {.slots = 8, .base = 10s, .slope = 1s}), clockwork(1, 3500ms)};
  other.advance(start + 3s);
  EXPECT_EQ(other.close().latency_quantile(LatencyKind::latency, 1), 13.0);
}

TEST(Plant, a_cold_start_exposes_those_who_wait_for_it) {
  Plant plant{one_pool({.load = 10s}, {.slots = 8, .base = 1s}), clockwork(1, 5500ms)};
  plant.advance(start + 1s);
  EXPECT_EQ(plant.observe().queued.fresh(), 1);
  plant.apply(size(1));
  plant.advance(start + 20s);
  const auto seen = plant.observe();
  ASSERT_EQ(seen.cold_starts.size(), 1u);
  EXPECT_EQ(seen.cold_starts[0].took, 10s);
  const auto score = plant.close().score();
  EXPECT_EQ(score.cold_start_exposed, 5u);
  EXPECT_EQ(score.cold_starts, 1u);
}

TEST(Plant, the_waiting_room_is_bounded_by_count_and_age) {
  auto spec = one_pool({}, {});
  spec.hold = {.max_age = 10s, .max_requests = 3};
  Plant plant{std::move(spec), clockwork(1, 5500ms)};
  plant.advance(start + 5s);
  EXPECT_EQ(plant.observe().queued.fresh(), 3);
  plant.advance(start + 30s);
  EXPECT_EQ(plant.observe().queued.fresh(), 0);
  EXPECT_EQ(plant.close().score().dropped, 5u);
}

TEST(Plant, a_crash_cuts_what_the_replica_held) {
  auto spec = one_pool({.initial = 1}, {.slots = 4, .base = 60s});
  spec.faults = {{.at = 10s, .what = CrashFault{}}};
  Plant plant{std::move(spec), clockwork(1, 3500ms)};
  plant.advance(start + 20s);
  const auto seen = plant.observe();
  EXPECT_EQ(seen.in_flight.fresh(), 0);
  EXPECT_EQ(seen.pools.at(0).failed, 1);
  EXPECT_EQ(seen.missed_slo.fresh(), 3);
  EXPECT_EQ(plant.close().score().cut, 3u);
}

TEST(Plant, a_drain_cuts_nothing_before_its_deadline) {
  Plant plant{one_pool({.initial = 1}, {.slots = 4, .base = 60s}), clockwork(1, 3500ms)};
  plant.advance(start + 5s);
  plant.apply(size(0));
  EXPECT_EQ(plant.observe().pools.at(0).draining, 1);
  plant.advance(start + 100s);
  EXPECT_EQ(plant.observe().pools.at(0).draining, 0);
  EXPECT_EQ(plant.close().score().cut, 0u);
}

TEST(Plant, lost_signals_keep_their_kind) {
  auto spec = one_pool({.initial = 1}, {.slots = 4, .base = 60s});
  spec.faults = {
      {.at = 10s, .lasts = 10s, .what = LostSignalFault{.signal = "in_flight", .as = Quality::stale}},
      {.at = 10s, .lasts = 10s, .what = LostSignalFault{.signal = "arrivals", .as = Quality::error}},
      {.at = 10s, .lasts = 10s, .what = LostSignalFault{.signal = "completions", .partial = Coverage{1, 2}}}};
  Plant plant{std::move(spec), clockwork(1, 3500ms)};
  plant.advance(start + 5s);
  EXPECT_EQ(plant.observe().in_flight.fresh(), 3);
  plant.advance(start + 15s);
  const auto lost = plant.observe();
  EXPECT_EQ(lost.in_flight.quality, Quality::stale);
  EXPECT_EQ(lost.in_flight.value, 3);
  EXPECT_EQ(lost.in_flight.age, 10s);
  EXPECT_EQ(lost.arrivals.quality, Quality::error);
  EXPECT_TRUE(lost.completions.coverage.is_partial());
  plant.advance(start + 20s);
  EXPECT_TRUE(plant.observe().in_flight.is_fresh());
}

TEST(Plant, an_idle_quantile_is_not_a_number) {
  Plant plant{one_pool({.initial = 1}, {.slots = 4, .base = 1s}), clockwork(1, 3500ms)};
  plant.advance(start + 5s);
  EXPECT_TRUE(plant.observe().latency(LatencyKind::ttft, Percentile::p99).is_fresh());
  plant.advance(start + 100s);
  EXPECT_EQ(plant.observe().latency(LatencyKind::ttft, Percentile::p99).quality, Quality::nan);
}

TEST(Plant, slow_replicas_are_the_oldest_ones) {
  auto spec = one_pool({.initial = 2}, {.slots = 4, .base = 1s});
  spec.faults = {{.at = 0s, .what = SlowFault{.factor = 10, .count = 1}}};
  Plant plant{std::move(spec), clockwork(1, 3500ms)};
  plant.advance(start + 3s);
  const auto& card = plant.close();
  EXPECT_EQ(card.latency_quantile(LatencyKind::latency, 1), 10.0);
  EXPECT_EQ(card.latency_quantile(LatencyKind::latency, 0.5), 1.0);
}

// Little's law holds for a stationary run, whatever the seed: in flight = rate * residence.
TEST(Plant, obeys_littles_law) {
  auto spec = one_pool({.initial = 4}, {.slots = 16, .base = 2s, .spread = 0.5});
  spec.seed = 11;
  Plant plant{std::move(spec), renewal_arrivals(RateCurve{}.knot(0s, 10), 1, Prng{3})};
  double sum = 0;
  for (int i = 1; i <= 2000; ++i) {
    plant.advance(start + std::chrono::seconds{i});
    sum += *plant.observe().in_flight.fresh();
  }
  EXPECT_NEAR(sum / 2000, 20, 1);
}

}  // namespace
}  // namespace tidegate
