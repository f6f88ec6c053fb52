#include "lab/sim/simulation.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

ServiceSpec service_of(PolicySpec policy) {
  return {.name = "chat",
          .guardrails = {.replicas_min = Replicas{0}, .replicas_max = Replicas{50}},
          .policies = {std::move(policy)},
          .pools = {{.name = "default", .price = MicroUsdPerHour{2'000'000}, .gpus = 1}}};
}

SimulationSpec spec_of(PolicySpec policy) {
  return {.service = service_of(std::move(policy)),
          .pools = {{.life = {.provision = 10s, .load = 20s, .jitter = 0.2},
                     .work = {.slots = 4, .base = 1s},
                     .gpus = 1,
                     .price = MicroUsdPerHour{2'000'000}}},
          .trace = "test"};
}

RequestFeed poisson(double rate, Duration length, std::uint64_t seed = 1) {
  return feed_of(renewal_arrivals(RateCurve{}.knot(0s, rate).knot(length, rate).knot(length, 0), 1, Prng{seed}), {},
                 Prng{seed}.split(9));
}

SimulationResult played(const SimulationSpec& spec, RequestFeed feed) {
  auto result = simulate(spec, std::move(feed));
  EXPECT_TRUE(result.has_value());
  return std::move(*result);
}

TEST(Simulation, a_fixed_fleet_costs_what_it_is) {
  auto spec = spec_of(StaticPolicy{Replicas{3}});
  spec.pools[0].life.initial = 3;
  spec.length = 2h;
  const auto result = played(spec, poisson(2, 1h));
  EXPECT_DOUBLE_EQ(result.replica_hours, 6);
  EXPECT_DOUBLE_EQ(result.gpu_hours, 6);
  EXPECT_DOUBLE_EQ(result.cost, 12);
  EXPECT_EQ(result.scale_events, 0u);
  EXPECT_NEAR(static_cast<double>(result.requests), 7200, 300);
  EXPECT_EQ(result.within, result.requests);
  EXPECT_TRUE(is_met(result, spec.service.slo));
  EXPECT_NEAR(seconds(result.latency.p50), 1, 0.01);
  EXPECT_EQ(result.scored, 2h);
}

TEST(Simulation, the_same_seed_gives_the_same_bytes) {
  auto spec = spec_of(SloPolicy{});
  const auto once = played(spec, poisson(5, 30min));
  EXPECT_EQ(once, played(spec, poisson(5, 30min)));
  EXPECT_NE(once.digest, played(spec, poisson(5, 30min, 2)).digest);
  // The plant's seed alone: other cold starts.
  spec.seed = 2;
  EXPECT_NE(once.digest, played(spec, poisson(5, 30min)).digest);
}

TEST(Simulation, scores_what_comes_after_the_warm_up) {
  auto spec = spec_of(StaticPolicy{Replicas{2}});
  spec.length = 1h;
  const auto whole = played(spec, poisson(1, 1h));
  spec.warm_up = 30min;
  const auto half = played(spec, poisson(1, 1h));
  EXPECT_EQ(half.digest, whole.digest);
  EXPECT_EQ(half.ticks, whole.ticks);
  EXPECT_EQ(half.scored, 30min);
  EXPECT_DOUBLE_EQ(half.replica_hours, 1);
  EXPECT_NEAR(whole.replica_hours, 2, 1e-9);
  EXPECT_EQ(whole.cold_starts, 2u);
  EXPECT_EQ(half.cold_starts, 0u);
  EXPECT_GT(whole.cold_start_exposed, 0u);
  EXPECT_EQ(half.cold_start_exposed, 0u);
  EXPECT_LT(half.requests, whole.requests);
}

TEST(Simulation, dropped_requests_are_missed) {
  auto spec = spec_of(StaticPolicy{Replicas{0}});
  spec.service.hold.max_age = 10s;
  spec.faults = {{.what = StuckFault{}}};
  const auto result = played(spec, poisson(1, 10min));
  EXPECT_EQ(result.dropped, result.requests);
  EXPECT_EQ(result.attainment(), 0);
  EXPECT_FALSE(is_met(result, spec.service.slo));
}

TEST(Simulation, a_plan_replaces_the_policy) {
  auto spec = spec_of(SloPolicy{});
  spec.length = 1h;
  spec.decider = [](const Observation& seen) {
    const std::int32_t size = seconds(seen.now) < 1800 ? 1 : 4;
    return Decision{.now = seen.now, .pools = {{.pool = "default", .replicas = Replicas{size}}}};
  };
  const auto result = played(spec, poisson(1, 1h));
  EXPECT_EQ(result.policy, "plan");
  EXPECT_EQ(result.scale_events, 1u);
  EXPECT_NEAR(result.replica_hours, 2.5, 1e-6);
}

TEST(Simulation, the_watcher_sees_it_go_and_may_end_it) {
  const auto spec = spec_of(StaticPolicy{Replicas{1}});
  std::vector<Duration> seen;
  const auto result = simulate(spec, poisson(1, 1h), [&](const SimulationProgress& progress) {
    seen.push_back(progress.played);
    return seen.size() < 3;
  });
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(seen, (std::vector<Duration>{1min, 2min, 3min}));
  EXPECT_TRUE(result->cancelled);
  EXPECT_LE(result->scored, 3min);
}

TEST(Simulation, a_broken_feed_fails_the_run) {
  const auto result = simulate(spec_of(StaticPolicy{Replicas{1}}), [](std::span<SimulatedRequest>) {
    return Result<std::size_t>{fail(ErrorKind::invalid, "no more")};
  });
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "no more");
}

TEST(SimulationSeries, adds_up_and_stays_bounded) {
  auto spec = spec_of(SloPolicy{});
  const auto result = played(spec, poisson(5, 30min));
  double arrivals = 0, within = 0, ended = 0;
  for (const auto& sample : result.series.samples()) {
    arrivals += sample.arrivals, ended += sample.ended, within += sample.within;
    EXPECT_LE(sample.floor, sample.ceiling);
  }
  EXPECT_GE(static_cast<double>(result.requests), arrivals);
  EXPECT_GE(arrivals, ended);
  EXPECT_GE(ended, within);
  EXPECT_NEAR(result.series.samples()[10].need, 5.0 / 4, 0.5);  // 5/s, 1 s each, 4 slots

  SimulationSeries series;
  const auto days = std::chrono::hours{24 * 100};
  for (Duration at{}; at < days; at += 30s) series.add(at, {.arrivals = 1, .need = 2});
  EXPECT_LE(series.samples().size(), SimulationSeries::samples_most);
  EXPECT_EQ(series.width(), 8min);
  EXPECT_EQ(series.samples()[5].arrivals, 16);
  EXPECT_DOUBLE_EQ(series.samples()[5].need, 2);
}

}  // namespace
}  // namespace tidegate
