// Many random plants under random orders and faults together: no request is lost or counted twice, no slot is
// overbooked, and the same seed gives the same run.
#include <gtest/gtest.h>

#include "lab/sim/plant.h"

namespace tidegate {
namespace {

constexpr Instant start{};

Fault random_fault(Prng& random) {
  Fault fault{.at = std::chrono::seconds{random.below(600)}, .lasts = std::chrono::seconds{1 + random.below(200)}};
  const auto count = static_cast<std::int32_t>(random.below(4));
  switch (random.below(6)) {
    case 0:
      fault.what = CrashFault{random.below(2), count};
      break;
    case 1:
      fault.what = StuckFault{random.below(2)};
      break;
    case 2:
      fault.what = StockFault{random.below(2), count};
      break;
    case 3:
      fault.what = EditFault{random.below(2), count};
      break;
    case 4:
      fault.what = SlowFault{1 + 5 * random.uniform(), count};
      break;
    default:
      fault.what = LostSignalFault{.as = static_cast<Quality>(random.below(5))};
  }
  return fault;
}

PlantSpec random_spec(Prng& random, std::uint64_t seed) {
  PlantSpec spec{.service = "chat", .start = start, .seed = seed};
  spec.hold = {.max_age = std::chrono::seconds{1 + random.below(60)},
               .max_requests = static_cast<std::int32_t>(random.below(200))};
  for (const auto* name : {"a", "b"}) {
    PlantPool pool{.gpus = 1};
    pool.life = {.name = name,
                 .initial = static_cast<std::int32_t>(random.below(4)),
                 .provision = std::chrono::seconds{random.below(30)},
                 .load = std::chrono::seconds{random.below(60)},
                 .jitter = random.uniform() / 2,
                 .startup_deadline = 120s,
                 .drain_deadline = std::chrono::seconds{random.below(30)}};
    pool.work = WorkModel{.slots = 1 + static_cast<std::int32_t>(random.below(8)),
                          .base = 1s,
                          .slope = 100ms,
                          .spread = random.uniform()};
    spec.pools.push_back(std::move(pool));
  }
  for (int i = 0; i < 6; ++i) spec.faults.push_back(random_fault(random));
  return spec;
}

struct Played {
  std::vector<Observation> seen;
  Score score;
  std::uint64_t arrived = 0;
};

Played play(std::uint64_t seed) {
  Prng random{seed};
  const auto spec = random_spec(random, seed);
  Played played;
  const auto traffic = renewal_arrivals(RateCurve{}.knot(0s, 5).knot(600s, 10).knot(600s, 0), 2, random.split(1));
  Plant plant{spec, [&played, traffic]() mutable {
                const auto next = traffic();
                played.arrived += next.has_value();
                return next;
              }};
  for (int second = 1; second <= 700; ++second) {
    plant.advance(start + std::chrono::seconds{second});
    played.seen.push_back(plant.observe());
    const auto& seen = played.seen.back();
    for (std::size_t i = 0; i < spec.pools.size(); ++i) {
      const auto& pool = seen.pools[i];
      EXPECT_LE(pool.in_flight.fresh().value_or(0), spec.pools[i].work.slots * (pool.ready + pool.draining));
    }
    if (second % 20 != 0) continue;
    Decision decision;
    for (const auto& pool : spec.pools)
      decision.pools.push_back({.pool = pool.life.name, .replicas = Replicas{static_cast<int>(random.below(6))}});
    plant.apply(decision);
  }
  played.score = plant.close().score();
  return played;
}

TEST(PlantSwarm, requests_are_conserved_and_runs_repeat) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const auto once = play(seed);
    EXPECT_EQ(once.score.requests, once.arrived);
    EXPECT_GT(once.score.replica_hours, 0);
    EXPECT_LE(once.score.dropped + once.score.cut, once.score.requests);
    if (seed % 5 == 0) {
      const auto twice = play(seed);
      EXPECT_TRUE(once.seen == twice.seen);
      EXPECT_EQ(once.score.replica_hours, twice.score.replica_hours);
    }
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace tidegate
