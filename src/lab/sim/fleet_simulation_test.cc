#include "lab/sim/fleet_simulation.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

SimulationSpec service(const std::string& name, std::int64_t dollars) {
  const MicroUsdPerHour price{dollars * 1'000'000};
  return {.service = {.name = name,
                      .guardrails = {.replicas_min = Replicas{1}, .replicas_max = Replicas{20}},
                      .policies = {TargetPolicy{.target = 3}},
                      .pools = {{.name = "default", .price = price, .gpus = 1}}},
          .pools = {{.life = {.name = "default", .initial = 1, .load = 20s},
                     .work = {.slots = 4, .base = 1s},
                     .gpus = 1,
                     .price = price}},
          .length = 30min};
}

// Requests a second: two until minute 10, then `rate`. A replica carries four.
RequestFeed rising(double rate, std::uint64_t seed) {
  return feed_of(renewal_arrivals(RateCurve{}.knot(0s, 2).knot(10min, 2).knot(10min, rate), 1, Prng{seed}), {},
                 Prng{seed}.split(9));
}

std::vector<SimulationResult> played(BudgetSpec budget) {
  const FleetSimulationSpec spec{.budget = budget, .services = {service("chat", 2), service("code", 3)}};
  auto results = simulate_fleet(spec, {rising(18, 1), rising(18, 2)});
  EXPECT_TRUE(results.has_value());
  return std::move(*results);
}

TEST(FleetSimulation, without_a_budget_each_fares_as_alone) {
  const auto both = played({});
  EXPECT_EQ(both[0], *simulate(service("chat", 2), rising(18, 1)));
  EXPECT_EQ(both[1], *simulate(service("code", 3), rising(18, 2)));
  EXPECT_EQ(both[0].budget_capped, 0s);
}

TEST(FleetSimulation, a_budget_binds) {
  const auto free = played({});
  const auto capped = played({.gpus_max = 8});
  // At minute 10 both want six, and there are eight GPUs.
  EXPECT_LT(capped[0].gpu_hours + capped[1].gpu_hours, free[0].gpu_hours + free[1].gpu_hours);
  EXPECT_LE(capped[0].gpu_hours + capped[1].gpu_hours, 8 * 0.5);
  EXPECT_GT(capped[1].budget_capped, 15min);
  EXPECT_LT(capped[1].attainment(), free[1].attainment());
}

TEST(FleetSimulation, the_dearest_plan_gives_way_first) {
  FleetSimulationSpec spec{.budget = {.gpus_max = 8}, .services = {service("chat", 2), service("code", 3)}};
  for (auto& one : spec.services) one.service.policies = {StaticPolicy{Replicas{6}}};
  const auto results = simulate_fleet(spec, {rising(2, 1), rising(2, 2)});
  ASSERT_TRUE(results);
  // Of $12 and $18 an hour: code gives two, then chat one (both at $12, chat with more GPUs), then code one.
  EXPECT_NEAR(results->at(0).gpu_hours, 5 * 0.5, 0.01);
  EXPECT_NEAR(results->at(1).gpu_hours, 3 * 0.5, 0.01);
}

TEST(FleetSimulation, minima_come_before_the_budget) {
  const auto capped = played({.gpus_max = 1});
  EXPECT_NEAR(capped[0].gpu_hours, 0.5, 0.01);
  EXPECT_NEAR(capped[1].gpu_hours, 0.5, 0.01);
}

TEST(FleetSimulation, lasts_as_long_as_the_longest) {
  FleetSimulationSpec spec{.services = {service("chat", 2), service("code", 3)}};
  spec.services[0].length = 10min;
  const auto results = simulate_fleet(spec, {rising(24, 1), rising(24, 2)});
  ASSERT_TRUE(results);
  EXPECT_EQ(results->at(0).scored, 30min);
  EXPECT_EQ(results->at(1).scored, 30min);
}

}  // namespace
}  // namespace tidegate
