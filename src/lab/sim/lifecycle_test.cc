#include "lab/sim/lifecycle.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

constexpr Instant start{};

Lifecycle one_pool(LifecyclePool pool) { return Lifecycle{{std::move(pool)}, start, Prng{1}}; }

TEST(Lifecycle, a_replica_starts_loads_and_gets_ready) {
  auto life = one_pool({.provision = 30s, .load = 20s});
  life.order(0, 1);
  EXPECT_EQ(life.count(0).starting, 1);
  life.advance(start + 30s);
  EXPECT_EQ(life.count(0).loading, 1);
  EXPECT_EQ(life.next_change(), start + 50s);
  life.advance(start + 50s);
  EXPECT_EQ(life.count(0).ready, 1);
  const auto cold = life.take_cold_starts();
  ASSERT_EQ(cold.size(), 1u);
  EXPECT_EQ(cold[0].took, 50s);
  EXPECT_TRUE(life.take_cold_starts().empty());
}

TEST(Lifecycle, the_least_useful_go_first) {
  auto life = one_pool({.initial = 2, .load = 20s});
  life.begin(0);
  life.order(0, 4);  // 3 and 4 are loading
  life.order(0, 3);  // the newest of those starting
  EXPECT_EQ(life.at(life.alive().back()).id, 3u);
  life.order(0, 1);  // then the rest of them, then the idle one
  ASSERT_EQ(life.alive().size(), 1u);
  EXPECT_EQ(life.at(life.alive()[0]).id, 1u);
}

TEST(Lifecycle, a_drain_waits_for_its_requests_until_the_deadline) {
  auto life = one_pool({.initial = 2, .drain_deadline = 60s});
  life.begin(0), life.begin(0), life.begin(1);
  life.order(0, 0);
  EXPECT_EQ(life.count(0).draining, 2);
  life.end(1);
  EXPECT_EQ(life.count(0).draining, 1);
  life.advance(start + 60s);
  const auto ends = life.take_ends();
  ASSERT_EQ(ends.size(), 2u);
  EXPECT_EQ(ends[0].in_flight, 0);
  EXPECT_EQ(ends[1].in_flight, 2);
  EXPECT_EQ(ends[1].life(), 60s);
}

TEST(Lifecycle, without_stock_replicas_stay_requested) {
  auto life = one_pool({.load = 10s, .stock = 1});
  life.order(0, 3);
  EXPECT_EQ(life.count(0).requested, 2);
  EXPECT_EQ(life.count(0).available, 0);
  life.advance(start + 30s);
  EXPECT_EQ(life.count(0).ready, 1);
  life.order(0, 2);  // a pending one goes and gives nothing back
  EXPECT_EQ(life.count(0).available, 0);
  life.set_stock(0, std::nullopt);
  life.advance(start + 40s);
  EXPECT_EQ(life.count(0).ready, 2);
}

TEST(Lifecycle, a_stuck_start_fails_at_its_deadline) {
  auto life = one_pool({.load = 10s, .startup_deadline = 100s});
  life.set_stuck(0, true);
  life.order(0, 1);
  life.advance(start + 99s);
  EXPECT_EQ(life.count(0).loading, 1);
  life.advance(start + 100s);
  EXPECT_EQ(life.count(0).failed, 1);
  EXPECT_EQ(life.count(0).committed(), Replicas{0});
  life.advance(start + 160s);
  EXPECT_TRUE(life.alive().empty());
  EXPECT_EQ(life.take_ends().size(), 1u);
}

TEST(Lifecycle, a_crash_takes_the_oldest_with_what_it_holds) {
  auto life = one_pool({.initial = 3});
  life.begin(0), life.begin(0), life.begin(1);
  life.crash(0, 1);
  const auto ends = life.take_ends();
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].in_flight, 2);
  EXPECT_EQ(life.count(0).ready, 2);
  EXPECT_EQ(life.count(0).failed, 1);
}

TEST(Lifecycle, jitter_stays_within_its_bounds_and_repeats_with_the_seed) {
  const auto took = [] {
    auto life = one_pool({.load = 100s, .jitter = 0.2});
    life.order(0, 20);
    life.advance(start + 200s);
    std::vector<Duration> all;
    for (const auto& cold : life.take_cold_starts()) all.push_back(cold.took);
    return all;
  };
  const auto all = took();
  ASSERT_EQ(all.size(), 20u);
  EXPECT_GE(all.front(), 80s);
  EXPECT_LE(all.back(), 120s);
  EXPECT_NE(all.front(), all.back());
  EXPECT_EQ(all, took());
}

TEST(Lifecycle, a_start_has_four_parts) {
  auto life = one_pool({.provision = 30s, .pull = 10s, .load = 20s, .warm_up = 5s});
  life.order(0, 1);
  life.advance(start + 39s);
  EXPECT_EQ(life.count(0).starting, 1);
  life.advance(start + 64s);
  EXPECT_EQ(life.count(0).loading, 1);
  life.advance(start + 65s);
  EXPECT_EQ(life.count(0).ready, 1);
}

TEST(Lifecycle, loads_that_start_together_share_the_disk) {
  auto life = one_pool({.load = 20s, .warm_up = 1s, .loads_at_once = 1});
  life.order(0, 1);
  life.advance(start + 10s);  // half of it is loaded alone,
  life.order(0, 2);           // the rest beside another: 10 s at half speed are 20
  life.advance(start + 30s);
  EXPECT_EQ(life.count(0).ready, 0);
  life.advance(start + 31s + 1ms);
  EXPECT_EQ(life.count(0).ready, 1);
  life.advance(start + 41s + 1ms);  // 20 s at half speed, 10 s alone
  EXPECT_EQ(life.count(0).ready, 2);
  life.order(0, 4);
  life.advance(start + 51s);
  life.order(0, 3);  // one goes; the other has 15 s left, alone
  life.advance(start + 66s);
  EXPECT_EQ(life.count(0).ready, 2);
  life.advance(start + 67s + 1ms);
  EXPECT_EQ(life.count(0).ready, 3);
}

TEST(Lifecycle, ready_replicas_fail_and_are_reclaimed_at_their_rates) {
  auto life = one_pool({.initial = 1000, .failures_per_hour = 0.1});
  life.advance(start + 1h);
  EXPECT_NEAR(life.count(0).ready, 905, 40);
  auto spot = one_pool({.initial = 100, .reclaims_per_hour = 60, .reclaim_notice = 30s});
  for (ReplicaPlace place = 0; place < 100; ++place) spot.begin(place);
  spot.advance(start + 10min);
  EXPECT_EQ(spot.count(0).ready, 0);
  const auto ends = spot.take_ends();
  ASSERT_EQ(ends.size(), 100u);
  EXPECT_EQ(ends[0].in_flight, 1);  // cut after the notice
}

}  // namespace
}  // namespace tidegate
