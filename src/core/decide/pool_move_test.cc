#include "core/decide/pool_move.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/decide/guardrails.h"
#include "core/decide/pool_mix.h"

namespace tidegate {
namespace {

struct Stock {
  std::string name;
  double weight = 1;
  double cost = 1;
  std::int32_t places = 100;
  std::int32_t ready = 0;
  std::int32_t warming = 0;  // with a place
  std::int32_t waiting = 0;  // without one
};

// Pools of a target that carries out what the mix says: what is new is ready a tick later, if there is a place.
class Moving {
 public:
  Moving(std::vector<Stock> pools, std::int32_t most = 100, std::int32_t least = 0) : pools_(std::move(pools)) {
    spec_.guardrails = {.replicas_min = Replicas{least}, .replicas_max = Replicas{most}};
    for (const Stock& pool : pools_) spec_.pools.push_back({.name = pool.name});
  }

  // Replicas of each pool that are ready, after the tick.
  std::vector<std::int32_t> tick(double floor, double ceiling) {
    for (Stock& pool : pools_) pool.ready += std::exchange(pool.warming, 0);
    ServicePlan plan{.spec = spec_, .seen = seen_};
    plan.state.moving = moving_;
    plan.decision.band = {.floor = WeightedReplicas{floor}, .ceiling = WeightedReplicas{ceiling}};
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      const Stock& pool = pools_[i];
      const auto present = pool.ready + pool.waiting;
      plan.pools.push_back({.spec = &spec_.pools[i],
                            .weight = pool.weight,
                            .cost = pool.cost,
                            .present = present,
                            .ready = pool.ready,
                            .warming = pool.waiting,
                            .unplaced = pool.waiting,
                            .most = pool.waiting > 0 ? present : 100,
                            .target = present});
    }
    static_cast<void>(mix_pools(plan));
    static_cast<void>(guard(plan));
    moving_ = plan.state.moving;
    changes_ +=
        std::ranges::any_of(plan.pools, [](const PoolPlan& pool) { return pool.target != pool.present; }) ? 1 : 0;
    std::vector<std::int32_t> ready;
    for (std::size_t i = 0; i < pools_.size(); ++i) ready.push_back(carry_out(pools_[i], plan.pools[i].target));
    carries_ = carries_ && ready_weight() >= floor;
    return ready;
  }
  std::vector<std::int32_t> after(int ticks, double floor, double ceiling) {
    std::vector<std::int32_t> ready;
    for (int i = 0; i < ticks; ++i) ready = tick(floor, ceiling);
    return ready;
  }
  [[nodiscard]] bool carries() const { return carries_; }  // what was ready carried the floor all the time
  [[nodiscard]] int changes() const { return changes_; }
  void give_up() { pools_.back().waiting = 0, pools_.back().places = 0; }

 private:
  static std::int32_t carry_out(Stock& pool, std::int32_t target) {
    const auto more = std::max(target - pool.ready - pool.waiting, 0);
    const auto placed = std::min(more, std::max(pool.places - pool.ready, 0));
    pool.warming += placed;
    pool.waiting += more - placed;
    auto fewer = std::max(pool.ready + pool.warming + pool.waiting - target, 0);
    const auto withdrawn = std::min(fewer, pool.waiting);
    pool.waiting -= withdrawn;
    pool.ready -= fewer - withdrawn;
    return pool.ready;
  }
  [[nodiscard]] double ready_weight() const {
    double weight = 0;
    for (const Stock& pool : pools_) weight += pool.ready * pool.weight;
    return weight;
  }

  std::vector<Stock> pools_;
  ServiceSpec spec_;
  Observation seen_;
  std::optional<double> moving_;
  bool carries_ = true;
  int changes_ = 0;
};

using Sizes = std::vector<std::int32_t>;

TEST(PoolMove, adds_first_and_takes_away_what_is_replaced_when_the_new_ones_are_ready) {
  Moving to_whole({{.name = "slice", .ready = 14}, {.name = "whole", .weight = 4, .cost = 3}});
  EXPECT_EQ(to_whole.tick(13, 14), (Sizes{14, 0}));
  EXPECT_EQ(to_whole.tick(13, 14), (Sizes{2, 3}));
  EXPECT_EQ(to_whole.after(20, 13, 14), (Sizes{2, 3}));
  EXPECT_EQ(to_whole.changes(), 2);
  EXPECT_TRUE(to_whole.carries());
}

TEST(PoolMove, one_that_is_too_large_gives_way_to_smaller_ones) {
  Moving to_slices({{.name = "slice"}, {.name = "whole", .weight = 4, .cost = 3, .ready = 1}});
  EXPECT_EQ(to_slices.after(5, 1.9, 2.1), (Sizes{2, 0}));
  EXPECT_EQ(to_slices.changes(), 2);
  EXPECT_TRUE(to_slices.carries());
}

TEST(PoolMove, keeps_the_weight_it_found_within_the_band) {
  Moving wide({{.name = "cheap"}, {.name = "dear", .cost = 4, .ready = 10}});
  EXPECT_EQ(wide.after(10, 5, 30), (Sizes{10, 0}));
  EXPECT_EQ(wide.changes(), 2);
  Moving alike({{.name = "a", .ready = 5}, {.name = "b", .ready = 5}});
  EXPECT_EQ(alike.after(10, 5, 30), (Sizes{5, 5}));
  EXPECT_EQ(alike.changes(), 0);
}

TEST(PoolMove, what_waits_for_a_place_neither_stops_the_move_nor_is_counted_on) {
  // The fifteenth slice has no place.
  Moving away({{.name = "slice", .places = 14, .ready = 14, .waiting = 1}, {.name = "whole", .weight = 4, .cost = 3}});
  EXPECT_EQ(away.after(5, 14, 15), (Sizes{0, 4}));
  EXPECT_TRUE(away.carries());

  // Of the four whole ones there are places for three.
  Moving towards({{.name = "slice", .ready = 16}, {.name = "whole", .weight = 4, .cost = 3, .places = 3}});
  EXPECT_EQ(towards.after(50, 15, 16), (Sizes{3, 3}));
  EXPECT_EQ(towards.changes(), 2) << "and it rests";
  towards.give_up();
  EXPECT_EQ(towards.tick(15, 16)[1], 3);
  EXPECT_TRUE(towards.carries());
}

TEST(PoolMove, makes_room_below_the_maximum) {
  Moving full({{.name = "slice", .ready = 40}, {.name = "whole", .weight = 4, .cost = 3}}, 40);
  EXPECT_EQ(full.after(20, 36, 40), (Sizes{0, 10}));
  EXPECT_TRUE(full.carries());
}

TEST(PoolMove, the_minimum_counts_replicas) {
  Moving least({{.name = "slice", .ready = 4}, {.name = "whole", .weight = 4, .cost = 2}}, 100, 2);
  EXPECT_EQ(least.after(10, 4, 4), (Sizes{1, 1}));
  EXPECT_LE(least.changes(), 2);
}

TEST(PoolMove, rests_when_the_load_sways_within_the_band) {
  Moving sway({{.name = "slice", .ready = 14}, {.name = "whole", .weight = 4, .cost = 3}});
  for (int i = 0; i < 100; ++i) static_cast<void>(sway.tick(11 + i % 3, 14.5 + i % 3));
  EXPECT_LE(sway.changes(), 4);
  EXPECT_TRUE(sway.carries());
}

}  // namespace
}  // namespace tidegate
