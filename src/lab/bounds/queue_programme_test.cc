#include "lab/bounds/queue_programme.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/base/prng.h"
#include "lab/bounds/clairvoyant.h"
#include "lab/bounds/rate_oracle.h"

namespace tidegate {
namespace {

constexpr std::int32_t most = 3;
const QueueTerms queue{.wait = 1s, .hold = 4s};

// Whole loads and sizes leave whole backlogs, and each is a point of the grid.
QueueGrid whole_grid() {
  QueueGrid grid{.stride = 1, .backlogs = {}};
  for (int i = 0; i <= 4 * most; ++i) grid.backlogs.push_back(i);
  return grid;
}

double total(const NeedSeries& needs, const BoundTerms& terms, const ReplicaSchedule& schedule, double price) {
  return replica_hours(schedule, needs, terms) * 3600 +
         price * late_share(schedule, needs, terms, queue) * needs.load_sum();
}

TEST(QueueProgramme, FindsTheCheapestOfAllSchedules) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    Prng random{seed};
    NeedSeries needs{.step = 1s, .load = {}};
    for (int i = 0; i < 6; ++i) needs.load.push_back(static_cast<float>(random.below(most + 1)));
    const BoundTerms terms{.boot = std::chrono::seconds{random.below(4)},
                           .replicas_initial = static_cast<std::int32_t>(random.below(most + 1)),
                           .replicas_max = most};
    const double price = random.uniform() * 6;
    double cheapest = std::numeric_limits<double>::infinity();
    ReplicaSchedule each(needs.load.size(), 0);
    for (std::size_t i = 0; i < each.size();) {
      cheapest = std::min(cheapest, total(needs, terms, each, price));
      for (i = 0; i < each.size() && each[i] == most; ++i) each[i] = 0;
      if (i < each.size()) ++each[i];
    }
    const auto found = queue_schedule(needs, terms, queue, {price}, whole_grid());
    RC_ASSERT(std::abs(total(needs, terms, found, price) - cheapest) < 1e-6);
  }));
}

TEST(QueueProgramme, TheQueueTakesSwingsThatFitIntoTheWait) {
  // 5 and 7 in turn: six replicas have a backlog of one at most, a sixth of a step.
  NeedSeries needs{.step = 2s, .load = {}};
  for (int i = 0; i < 500; ++i) needs.load.push_back(i % 2 == 0 ? 5 : 7);
  const BoundTerms terms{.boot = 60s, .replicas_initial = 6};
  const auto found = queue_clairvoyant(needs, terms, {}, 0);
  EXPECT_EQ(found.late, 0);
  EXPECT_NEAR(found.hours, 6 * 1000.0 / 3600, 0.01);
  EXPECT_GT(clairvoyant(needs, terms, 0).hours, found.hours * 1.15);
}

TEST(QueueProgramme, StandsBelowTheRateOracleWithinWhatIsAllowed) {
  Prng random{8};
  NeedRecorder recorder({.step = 2s, .length = 6h, .slots = 8});
  for (double at = 0; at < 6 * 3600;) {
    at += random.exponential(1 / (6 + 5 * std::sin(at / 86400 * 2 * std::numbers::pi)));
    recorder.add(from_seconds(at), from_seconds(4));
  }
  const auto needs = recorder.series();
  const BoundTerms terms{.boot = 60s, .replicas_initial = 3, .scored_from = 1800};
  const auto found = queue_clairvoyant(needs, terms, {}, 0.01);
  EXPECT_LE(found.late, 0.01);
  const auto oracle = rate_oracle(needs, terms, {.slots = 8}, 0.01, {});
  EXPECT_LT(found.hours, oracle.hours);
  double work = 0;
  for (std::size_t i = terms.scored_from; i < needs.load.size(); ++i) work += needs.load[i];
  EXPECT_GT(found.hours, 0.98 * work * needs.step_hours());
}

TEST(QueueProgramme, ManySizesAreTriedInStrides) {
  NeedSeries needs{.step = 2s, .load = std::vector<float>(300, 0)};
  for (std::size_t i = 100; i < 200; ++i) needs.load[i] = 1000;
  const auto found = queue_clairvoyant(needs, {.boot = 20s}, {}, 0.01, {.sizes_most = 50});
  EXPECT_LE(found.late, 0.01);
  EXPECT_LT(found.hours, 1.2 * 1000 * (200 + 20) / 3600);
}

}  // namespace
}  // namespace tidegate
