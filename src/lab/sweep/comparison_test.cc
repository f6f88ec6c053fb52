#include "lab/sweep/comparison.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

SimulationResult result_of(double missed, double hours) {
  SimulationResult result;
  result.requests = 10'000;
  result.within = static_cast<std::uint64_t>((1 - missed) * 10'000 + 0.5);
  result.replica_hours = hours;
  return result;
}

// The clairvoyant: 100 h at 99 %, 110 h at 99.9 %. hpa with two settings, ours with two seeds.
Comparison example() {
  Comparison comparison;
  comparison.traces = {"week"};
  comparison.contestants = {
      {.name = "slo"}, {.name = "hpa", .knobs = {{"a", "1"}}}, {.name = "hpa", .knobs = {{"a", "2"}}}};
  comparison.bounds.push_back({.trace = 0});
  comparison.bounds[0].clairvoyant.plays = {{.result = result_of(0.01, 100)}, {.result = result_of(0.001, 110)}};
  comparison.runs = {{.job = {.contestant = 0, .seed = 1}, .result = result_of(0.01, 112)},
                     {.job = {.contestant = 0, .seed = 2}, .result = result_of(0.008, 116)},
                     {.job = {.contestant = 1, .seed = 1}, .result = result_of(0.1, 90)},
                     {.job = {.contestant = 2, .seed = 1}, .result = result_of(0.001, 154)}};
  return comparison;
}

TEST(Comparison, JobsAreEveryPolicyOnEveryTraceWithEverySeed) {
  const auto jobs = comparison_jobs(2, 2, 5, 3);
  ASSERT_EQ(jobs.size(), 12U);
  EXPECT_EQ(jobs.front().seed, 5U);
  EXPECT_EQ(jobs.back().trace, 1U);
  EXPECT_EQ(jobs.back().contestant, 1U);
  EXPECT_EQ(jobs.back().seed, 7U);
}

TEST(Comparison, ARunIsHeldAgainstTheBoundAtItsOwnAttainment) {
  auto comparison = example();
  relate(comparison);
  EXPECT_NEAR(*comparison.runs[0].relative, 1.12, 1e-9);
  EXPECT_NEAR(*comparison.runs[3].relative, 1.4, 1e-9);
  comparison.bounds.clear();
  relate(comparison);
  EXPECT_FALSE(comparison.runs[0].relative);
}

TEST(Comparison, EachPolicyHasAFrontierAndACostReadOffIt) {
  const auto comparison = example();
  const auto frontier = policy_frontiers(comparison);
  ASSERT_EQ(frontier.size(), 3U);
  EXPECT_EQ(frontier[0].policy, "hpa");
  EXPECT_NEAR(frontier[2].attainment, 0.991, 1e-9);
  EXPECT_NEAR(frontier[2].replica_hours, 114, 1e-9);
  const auto costs = costs_at_equal_attainment(comparison);
  ASSERT_EQ(costs.size(), 2U);
  // Half of the way between 90 % and 99.9 % in logarithms.
  EXPECT_NEAR(costs[0].hours.cost, 122, 1e-6);
  EXPECT_NEAR(*costs[0].relative, 1.22, 1e-6);
  EXPECT_EQ(costs[1].policy, "slo");
  EXPECT_EQ(costs[1].hours.reach, FrontierReach::below);
  EXPECT_NEAR(*costs[1].relative, 114 / 100.458, 0.001);
}

}  // namespace
}  // namespace tidegate
