#include "lab/sweep/tuning.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tidegate {
namespace {

const KnobTable table{
    .policy = "hpa",
    .axes = {{.name = "target", .values = {0.4, 0.6, 0.8}, .least = 0.1, .most = 1.5},
             {.name = "wait", .unit = KnobUnit::seconds, .values = {60, 300}, .least = 0, .most = 3600}}};

// Cheaper the higher the target and the shorter the wait; attains less by both.
TriedPoint play(const KnobValues& values) {
  const double missed = 0.02 * std::exp(12 * (values[0] - 0.7)) * (1 + std::exp(-values[1] / 200));
  return {.values = values, .attainment = 1 - missed, .cost = 100 / values[0] + values[1] / 60};
}

TEST(Tuning, TriesTheTableFirst) {
  const auto first = next_points(table, {}, {}, {});
  EXPECT_EQ(first.size(), 6U);
  EXPECT_EQ(next_points(table, {}, {}, {.budget = 4}).size(), 4U);
}

TEST(Tuning, EndsNearTheCheapestThatAttainsWhatIsAsked) {
  const TuningTerms terms{.attainment = 0.99, .budget = 60};
  std::vector<TriedPoint> tried;
  std::vector<double> bests;
  for (auto points = next_points(table, tried, bests, terms); !points.empty();
       points = next_points(table, tried, bests, terms)) {
    for (const auto& point : points) tried.push_back(play(point));
    bests.push_back(tried[*best_of(tried, 0.99)].cost);
    ASSERT_LE(tried.size(), 60U);
  }
  double cheapest = 1e9;
  for (double target = 0.1; target <= 1.5; target += 0.005)
    for (double wait = 0; wait <= 3600; wait += 10)
      if (const auto one = play({target, wait}); one.attainment >= 0.99) cheapest = std::min(cheapest, one.cost);
  const auto& best = tried[*best_of(tried, 0.99)];
  EXPECT_GE(best.attainment, 0.99);
  EXPECT_LE(best.cost, cheapest * 1.03);
  EXPECT_GT(bests.size(), 2U);
}

TEST(Tuning, WithoutAnyThatAttainsItTheOneThatAttainsMostLeads) {
  const std::vector<TriedPoint> tried{{{0.4, 60}, 0.9, 50}, {{0.6, 60}, 0.95, 80}, {{0.8, 60}, 0.8, 10}};
  EXPECT_EQ(best_of(tried, 0.99), 1U);
  EXPECT_EQ(best_of({}, 0.99), std::nullopt);
}

TEST(Tuning, APolicyWithoutKnobsIsTriedOnce) {
  const KnobTable none{.policy = "slo"};
  EXPECT_EQ(next_points(none, {}, {}, {}).size(), 1U);
  EXPECT_TRUE(next_points(none, {{{}, 1, 1}}, {1}, {}).empty());
}

}  // namespace
}  // namespace tidegate
