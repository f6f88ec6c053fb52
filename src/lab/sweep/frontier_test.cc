#include "lab/sweep/frontier.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "core/base/prng.h"

namespace tidegate {
namespace {

TEST(Frontier, KeepsWhatNoOtherRunBeatsInBoth) {
  const auto best = frontier_of({{.attainment = 0.99, .cost = 10, .run = 0},
                                 {.attainment = 0.98, .cost = 12, .run = 1},
                                 {.attainment = 0.999, .cost = 20, .run = 2},
                                 {.attainment = 0.99, .cost = 10, .run = 3},
                                 {.attainment = 0.9, .cost = 5, .run = 4}});
  ASSERT_EQ(best.size(), 3U);
  EXPECT_EQ(best[0].run, 4U);
  EXPECT_EQ(best[1].run, 0U);
  EXPECT_EQ(best[2].run, 2U);
}

TEST(Frontier, ReadsTheCostAlongTheLogarithmOfWhatIsMissed) {
  const std::vector<FrontierPoint> line{{.attainment = 0.99, .cost = 100}, {.attainment = 0.999, .cost = 120}};
  EXPECT_NEAR(cost_at(line, 0.995)->cost, 106.02, 0.01);
  EXPECT_EQ(cost_at(line, 0.995)->reach, FrontierReach::within);
  EXPECT_DOUBLE_EQ(cost_at(line, 0.99)->cost, 100);
  EXPECT_EQ(cost_at(line, 0.98)->reach, FrontierReach::below);
  EXPECT_DOUBLE_EQ(cost_at(line, 0.98)->cost, 100);
  EXPECT_EQ(cost_at(line, 0.9999)->reach, FrontierReach::above);
  EXPECT_FALSE(cost_at({}, 0.99));
}

TEST(Frontier, NothingBeatsWhatIsOnIt) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    Prng random{seed};
    std::vector<FrontierPoint> points;
    for (std::uint64_t i = 0, n = random.below(30); i < n; ++i)
      points.push_back({.attainment = static_cast<double>(random.below(12)) / 12,
                        .cost = static_cast<double>(random.below(12)),
                        .run = i});
    const auto best = frontier_of(points);
    RC_ASSERT(best.empty() == points.empty());
    for (const auto& point : points)
      RC_ASSERT(std::ranges::any_of(
          best, [&](const auto& on) { return on.cost <= point.cost && on.attainment >= point.attainment; }));
    for (std::size_t i = 1; i < best.size(); ++i)
      RC_ASSERT(best[i].cost > best[i - 1].cost && best[i].attainment > best[i - 1].attainment);
  }));
}

}  // namespace
}  // namespace tidegate
