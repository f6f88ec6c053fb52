#include "core/capacity/capacity.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "core/base/archive.h"
#include "core/base/prng.h"
#include "core/capacity/cold_start.h"
#include "core/capacity/staffing.h"

namespace tidegate {
namespace {

// A replica with residence(c) = base + slope c, fed for a while at a concurrency.
struct Server {
  double base = 1;
  double slope = 0.1;
};

Slo slo_of(LatencyKind kind, Percentile percentile, Duration bound) { return {{{kind, percentile, bound}}}; }
const Slo ttft_only = slo_of(LatencyKind::ttft, Percentile::p99, 2s);

void feed(CapacityState& state, Instant& now, const Server& server, double concurrency, int ticks, Prng& prng) {
  constexpr double ready = 4;
  for (int i = 0; i < ticks; ++i) {
    now += 1s;
    const double rate = ready * concurrency / (server.base + server.slope * concurrency);
    observe(state, now,
            {.interval = 1s,
             .ready = ready,
             .in_flight = ready * concurrency,
             .completions = static_cast<double>(prng.poisson(rate)),
             .itl_mean = 0.01 + 0.001 * concurrency});
  }
}

CapacityState learned_at(const Server& server, std::initializer_list<double> concurrencies) {
  CapacityState state;
  Instant now{};
  Prng prng{7};
  for (const double concurrency : concurrencies) feed(state, now, server, concurrency, 300, prng);
  return state;
}

TEST(Capacity, IsOneRequestAtATimeWhenNothingIsKnown) {
  const Capacity answer = capacity({}, {}, ttft_only);
  EXPECT_EQ(answer.basis, CapacityBasis::unknown);
  EXPECT_EQ(answer.slots, 1);
}

TEST(Capacity, LearnsTheLineFromThroughput) {
  const Capacity answer = capacity(learned_at({1, 0.1}, {2, 5, 10, 20, 60}), {}, ttft_only);
  EXPECT_EQ(answer.basis, CapacityBasis::learned);
  EXPECT_NEAR(answer.residence_base, 1, 0.1);
  EXPECT_NEAR(answer.residence_slope, 0.1, 0.01);
  EXPECT_LT(answer.error, 0.1);
  // The knee is at 9 * base / slope = 90, and 1.5 * 60 reaches as far.
  EXPECT_NEAR(answer.slots, 90, 9);
}

TEST(Capacity, LatencyAndItlObjectivesBindSlots) {
  const CapacityState state = learned_at({1, 0.1}, {2, 5, 10, 20, 60});
  // p50 binds the mean: 1 + 0.1 c <= 3 -> 20.
  EXPECT_NEAR(capacity(state, {}, slo_of(LatencyKind::latency, Percentile::p50, 3s)).slots, 20, 2);
  // 10 ms + 1 ms c <= 40 ms -> 30.
  EXPECT_NEAR(capacity(state, {}, slo_of(LatencyKind::itl, Percentile::p50, 40ms)).slots, 30, 0.5);
}

TEST(Capacity, ReachesNoFurtherThanHalfAgainWhatWasSeen) {
  const Capacity answer = capacity(learned_at({1, 0.001}, {4}), {}, ttft_only);
  EXPECT_NEAR(answer.slots, 6, 0.01);
}

// A server with eight slots and a residence that does not grow: nothing measured tells that a ninth would wait.
TEST(Capacity, SlotsThatTheUserGaveArePassedOnlyAsFarAsMoreWasSeen) {
  const PoolSpec pool{.capacity = {.slots = 8, .service = 4s}};
  EXPECT_NEAR(capacity(learned_at({4, 0}, {3, 5, 7.5}), pool, ttft_only).slots, 8, 0.1);
  EXPECT_GT(capacity(learned_at({4, 0}, {6, 12, 20}), pool, ttft_only).slots, 15);
}

TEST(Capacity, NeverExceedsTheServersOwnLimit) {
  PoolSpec pool;
  pool.capacity.slots_max = 16;
  EXPECT_EQ(capacity(learned_at({1, 0.01}, {20, 40}), pool, ttft_only).slots, 16);
}

TEST(Capacity, StopsWhereThroughputStopped) {
  // Eight plain slots: beyond them requests only wait inside the replica.
  CapacityState state;
  Instant now{};
  Prng prng{3};
  for (const double c : {2.0, 4.0, 8.0, 14.0, 24.0}) feed(state, now, {c <= 8 ? 2 : c / 4, 0}, c, 200, prng);
  EXPECT_LE(capacity(state, {}, ttft_only).slots, 9);
}

// Minutes of an emulated LLM (base 1.7 s, slope 0.05 s) under a changing load: 42.6 requests did hardly more than 32.2,
// by chance; 36.9 did, though the bin is no further.
TEST(Capacity, ThroughputThatGrewInAnyFullerBinDidNotStop) {
  CapacityState state;
  const auto bin = [](double concurrency, double residence, double completions) {
    const double seconds = completions * residence / concurrency;
    return ConcurrencyBin{.busy = concurrency * seconds, .completions = completions, .replica_seconds = seconds};
  };
  state.by_concurrency[10] = bin(32.2, 3.15, 1464);
  state.by_concurrency[11] = bin(42.6, 3.99, 2116);
  state.by_concurrency[12] = bin(36.9, 3.12, 943);
  state.windows = 28;
  state.concurrency_max = 236;
  EXPECT_GT(capacity(state, {}, ttft_only).slots, 100);
}

TEST(Capacity, StartsFromTheHintAndLeavesIt) {
  PoolSpec pool;
  pool.capacity.slots = 8;
  pool.capacity.service = 2s;
  const Capacity start = capacity({}, pool, ttft_only);
  EXPECT_EQ(start.basis, CapacityBasis::hinted);
  EXPECT_DOUBLE_EQ(start.rate(), 4);
  const Capacity later = capacity(learned_at({1, 0.1}, {2, 5, 10, 20, 60}), pool, ttft_only);
  EXPECT_EQ(later.basis, CapacityBasis::learned);
  EXPECT_GT(later.slots, 40);
}

TEST(Capacity, FollowsAFourfoldShiftWithinThreeMinutes) {
  CapacityState state = learned_at({1, 0.1}, {5, 10, 20});
  Instant now{};
  Prng prng{11};
  feed(state, now, {4, 0.4}, 10, 180, prng);
  EXPECT_NEAR(capacity(state, {}, ttft_only).residence(10), 8, 1.6);
}

TEST(Capacity, RefusesAContradictoryFit) {
  CapacityState state;
  Instant now{};
  Prng prng{5};
  for (int i = 0; i < 40; ++i) feed(state, now, {i % 2 == 0 ? 0.5 : 8.0, 0}, 6, 60, prng);
  const Capacity answer = capacity(state, {}, ttft_only);
  EXPECT_EQ(answer.basis, CapacityBasis::refused);
  EXPECT_GT(answer.error, 0.25);
}

TEST(Capacity, LearnsNothingWithoutReadyReplicasOrFromAFillingFleet) {
  CapacityState state;
  Instant now{};
  for (int i = 0; i < 100; ++i) observe(state, now += 1s, {.interval = 1s, .in_flight = 5, .completions = 9});
  EXPECT_EQ(state, CapacityState{});
  for (int i = 0; i < 100; ++i)
    observe(state, now += 1s, {.interval = 1s, .ready = 1, .in_flight = 20.0 * i, .completions = 4});
  EXPECT_EQ(state.windows, 0);
}

TEST(Capacity, BreachesWithoutAQueueLowerTheSlots) {
  CapacityState state = learned_at({1, 0.01}, {10, 20});
  const double before = capacity(state, {}, ttft_only).slots;
  Instant now{};
  CapacityEvidence bad{.interval = 1s, .ready = 1, .in_flight = 20, .completions = 16, .latency_known = true};
  bad.breached_share = 0.01;
  CapacityState queued = state;
  for (int i = 0; i < 300; ++i) observe(state, now += 1s, bad);
  EXPECT_LT(capacity(state, {}, ttft_only).slots, 20);
  bad.queued = 30;
  for (int i = 0; i < 300; ++i) observe(queued, now += 1s, bad);
  EXPECT_NEAR(capacity(queued, {}, ttft_only).slots, before, before * 0.1);
}

// While replicas come one by one no window lasts, and what the queue made late ends when it is gone.
TEST(Capacity, WhatASurgeMadeLateIsNotTheConcurrencysDoing) {
  const PoolSpec pool{.capacity = {.slots = 8, .service = 4s}};
  CapacityState state = learned_at({4, 0}, {2, 6});
  Instant now{};
  for (int ready = 1; ready <= 10; ++ready)
    for (int i = 0; i < 3; ++i)
      observe(state, now += 1s,
              {.interval = 1s,
               .ready = static_cast<double>(ready),
               .in_flight = 8.0 * ready,
               .completions = 2.0 * ready,
               .queued = 40,
               .judged = 2.0 * ready,
               .missed = 2.0 * ready});
  for (int i = 0; i < 120; ++i)
    observe(state, now += 1s,
            {.interval = 1s, .ready = 10, .in_flight = 20, .completions = 5, .judged = 5, .missed = i < 8 ? 4.0 : 0.0});
  EXPECT_NEAR(capacity(state, pool, ttft_only).slots, 8, 1);
}

// A quiet service: the 99th percentile of a minute is its slowest request, and sometimes one is too slow by itself.
TEST(Capacity, AStragglerNowAndThenIsNotTheConcurrencysDoing) {
  CapacityState state = learned_at({4, 0}, {2, 8});
  const double before = capacity(state, {}, ttft_only).slots;
  CapacityState by_quantile = state;
  Instant now{};
  for (int i = 0; i < 20'000; ++i) {
    CapacityEvidence seen{.interval = 1s, .ready = 2, .in_flight = 2, .completions = 0.5};
    CapacityEvidence only_quantile = seen;
    seen.judged = 0.5;
    seen.missed = i % 1000 == 0 ? 0.5 : 0;  // one of a thousand
    only_quantile.latency_known = true;
    only_quantile.breached_share = i % 1000 < 60 ? 0.01 : 0;  // for the minute that the quantile looks back
    observe(state, now += 1s, seen);
    observe(by_quantile, now, only_quantile);
  }
  // A sixth of a day has passed.
  EXPECT_GE(capacity(state, {}, ttft_only).slots, before * 0.8);
  EXPECT_GE(capacity(by_quantile, {}, ttft_only).slots, before * 0.8);
}

TEST(Capacity, WhatMissesAtAnyConcurrencyIsNotTheConcurrencysDoing) {
  CapacityState state = learned_at({4, 0}, {2, 8});
  const double before = capacity(state, {}, ttft_only).slots;
  Instant now{};
  for (int i = 0; i < 4'000; ++i) {
    const double in_flight = i % 1000 < 500 ? 2 : 8;
    observe(state, now += 1s,
            {.interval = 1s,
             .ready = 1,
             .in_flight = in_flight,
             .completions = in_flight / 4,
             .judged = in_flight / 4,
             .missed = in_flight / 40});
  }
  EXPECT_GE(capacity(state, {}, ttft_only).slots, before * 0.9);
}

// A profile given for 256 requests at once, measured at a tenth of that, where hardly any slope shows.
TEST(Capacity, ALightLoadDoesNotExtrapolateAHintsSlope) {
  PoolSpec pool;
  pool.capacity.slots = 256;
  pool.capacity.residence_base = 1437ms;
  pool.capacity.residence_slope = 41ms;
  const double given = capacity({}, pool, ttft_only).rate();
  const Capacity answer = capacity(learned_at({2, 0.005}, {8, 12, 18}), pool, ttft_only);
  EXPECT_EQ(answer.basis, CapacityBasis::learned);
  EXPECT_LT(answer.rate(), 1.5 * given);
}

// Requests that stay 4 s in the mean at any load, under a load that goes up and down: what a glance at in-flight
// happens to see is no reason for longer stays.
TEST(Capacity, ChanceDoesNotMakeAConstantResidenceGrow) {
  CapacityState state;
  Instant now{};
  Prng prng{11};
  std::array<double, 256> ends{};  // requests that end, by second modulo
  double inside = 0;
  for (std::size_t second = 0; second < 24 * 3600; ++second) {
    now += 1s;
    double& ended = ends[second % ends.size()];
    const double rate = 0.9 + 0.7 * std::sin(static_cast<double>(second) / 7200);
    const auto begun = prng.poisson(rate);
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(begun); ++i) {
      const double stay = std::clamp(prng.lognormal(4 * std::exp(-0.125), 0.5), 1.0, 250.0);
      ends[(second + static_cast<std::size_t>(std::round(stay))) % ends.size()] += 1;
    }
    inside += static_cast<double>(begun) - ended;
    observe(state, now, {.interval = 1s, .ready = 1, .in_flight = inside, .completions = ended});
    ended = 0;
  }
  const Capacity answer = capacity(state, {}, ttft_only);
  EXPECT_EQ(answer.basis, CapacityBasis::learned);
  EXPECT_NEAR(answer.residence(8), 4, 0.1);
  EXPECT_NEAR(answer.residence(2), 4, 0.1);
}

TEST(Capacity, SurvivesARoundTrip) {
  CapacityState state = learned_at({1, 0.1}, {2, 20});
  ByteWriter writer;
  writer(state);
  EXPECT_LE(writer.bytes().size(), 4096U);
  CapacityState read;
  ByteReader reader{writer.bytes()};
  reader(read);
  EXPECT_FALSE(reader.failed());
  EXPECT_EQ(read, state);
}

TEST(Capacity, ConcurrencyAtARateFollowsLittle) {
  const Capacity answer{.slots = 50, .residence_base = 1, .residence_slope = 0.1};
  EXPECT_DOUBLE_EQ(answer.concurrency_at(5), 10);  // 10 / (1 + 1) = 5
  EXPECT_EQ(answer.concurrency_at(0), 0);
  EXPECT_EQ(answer.concurrency_at(20), 50);
}

TEST(Staffing, WorkedExample) {
  const Capacity replica{.slots = 16, .residence_base = 4};
  EXPECT_NEAR(staffed_replicas({.rate = 10}, replica, 0.99), 54.713 / 16, 1e-3);
  EXPECT_EQ(staffed_replicas({.rate = 0}, replica, 0.99), 0);
  EXPECT_GT(staffed_replicas({.rate = 10, .variability = 4}, replica, 0.99), 54.7 / 16);
}

TEST(Staffing, NormalQuantiles) {
  EXPECT_NEAR(normal_quantile(0.5), 0, 1e-9);
  EXPECT_NEAR(normal_quantile(0.99), 2.3263478740, 1e-8);
  EXPECT_NEAR(normal_quantile(0.001), -3.0902323062, 1e-8);
}

TEST(ColdStart, PriorThenMeasurements) {
  ColdStartState state;
  EXPECT_EQ(cold_start_quantile(state, std::nullopt, 0.5), 60s);
  EXPECT_EQ(cold_start_quantile(state, 20s, 0.5), 20s);
  for (int i = 0; i < 40; ++i) observe(state, 100s + std::chrono::seconds{i % 10});
  EXPECT_NEAR(seconds(cold_start_quantile(state, 20s, 0.5)), 104.5, 1.5);
  EXPECT_NEAR(seconds(cold_start_quantile(state, 20s, 0.95)), 109, 1.5);
  for (int i = 0; i < 200; ++i) observe(state, 30s);
  EXPECT_NEAR(seconds(cold_start_quantile(state, 20s, 0.95)), 30, 0.5);
  EXPECT_LE(state.recent_ns.size(), 64U);
}

}  // namespace
}  // namespace tidegate
