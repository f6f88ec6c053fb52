#include "core/decide/pool_mix.h"

#include <gtest/gtest.h>

#include <string>

namespace tidegate {
namespace {

struct Pool {
  std::string name;
  double weight = 1;
  double cost = 1;
  std::int32_t present = 0;
  std::int32_t most = 100;
  bool meets_slo = true;
};

// A plan over pools given by weight and cost, with a band.
struct Bench {
  Bench(std::vector<Pool> pools, double floor, double ceiling) {
    spec.guardrails.replicas_max = Replicas{100};
    for (const Pool& pool : pools) spec.pools.push_back(PoolSpec{.name = pool.name});
    for (std::size_t i = 0; i < pools.size(); ++i)
      plan.pools.push_back({.spec = &spec.pools[i],
                            .weight = pools[i].weight,
                            .cost = pools[i].cost,
                            .meets_slo = pools[i].meets_slo,
                            .present = pools[i].present,
                            .ready = pools[i].present,
                            .most = pools[i].most,
                            .target = pools[i].present});
    plan.decision.band = {.floor = WeightedReplicas{floor}, .ceiling = WeightedReplicas{ceiling}};
  }
  std::vector<std::int32_t> mixed() {
    result = mix_pools(plan);
    std::vector<std::int32_t> targets;
    for (const PoolPlan& pool : plan.pools) targets.push_back(pool.target);
    return targets;
  }
  ServiceSpec spec;
  Observation seen;
  ServicePlan plan{.spec = spec, .seen = seen};
  StageResult result;
};

using Sizes = std::vector<std::int32_t>;

TEST(PoolMix, raises_to_the_floor_rounded_up) {
  EXPECT_EQ((Bench{{{"a", 1, 1, 3}}, 5.2, 8}.mixed()), (Sizes{6}));
  EXPECT_EQ((Bench{{{"a", 1, 1, 3}}, 5.0000000001, 8}.mixed()), (Sizes{5}));
}

TEST(PoolMix, leaves_alone_what_lies_in_the_band) { EXPECT_EQ((Bench{{{"a", 1, 1, 7}}, 5.2, 8}.mixed()), (Sizes{7})); }

TEST(PoolMix, lowers_to_the_ceiling_and_never_below_the_floor) {
  EXPECT_EQ((Bench{{{"a", 1, 1, 12}}, 5.2, 8.7}.mixed()), (Sizes{8}));
  EXPECT_EQ((Bench{{{"a", 1, 1, 12}}, 5.2, 5.4}.mixed()), (Sizes{6}));
  EXPECT_EQ((Bench{{{"a", 1, 1, 2}}, 0, 0}.mixed()), (Sizes{0}));
}

TEST(PoolMix, buys_the_cheapest_set_that_covers) {
  // The worked example of the header.
  EXPECT_EQ((Bench{{{"a", 1, 4, 3}, {"b", 2, 6, 0, 1}}, 5.2, 8}.mixed()), (Sizes{4, 1}));
}

TEST(PoolMix, takes_all_room_when_that_is_not_enough_and_says_why) {
  Bench bench{{{"a", 1, 1, 2, 4}}, 9, 12};
  bench.plan.pools[0].most_reason = Reason::capacity_unavailable;
  EXPECT_EQ(bench.mixed(), (Sizes{4}));
  EXPECT_EQ(bench.result.reason, Reason::capacity_unavailable);
}

TEST(PoolMix, takes_the_dearest_away_first) {
  EXPECT_EQ((Bench{{{"dear", 1, 4, 3}, {"cheap", 1, 1, 3}}, 2, 4}.mixed()), (Sizes{1, 3}));
}

TEST(PoolMix, keeps_the_cheapest_that_covers) {
  // What is dearer by weight may still be the cheaper one to keep.
  EXPECT_EQ((Bench{{{"large", 4, 3, 12}, {"small", 1, 1, 3}}, 1.9, 2.1}.mixed()), (Sizes{0, 2}));
  EXPECT_EQ((Bench{{{"large", 4, 3, 12}, {"small", 1, 1, 3}}, 8, 10}.mixed()), (Sizes{2, 2}));
}

TEST(PoolMix, says_that_the_cheapest_pool_is_out) {
  Bench bench{{{"cheap", 1, 1, 2, 2}, {"dear", 1, 4, 0}}, 3, 4};
  bench.plan.pools[0].most_reason = Reason::capacity_unavailable;
  EXPECT_EQ(bench.mixed(), (Sizes{2, 1}));
  EXPECT_EQ(bench.result.note, "the cheapest pool can place no more");
}

TEST(PoolMix, a_pool_that_cannot_meet_the_slo_is_left_out) {
  EXPECT_EQ((Bench{{{"slow", 1, 1, 0, 100, false}, {"fast", 1, 5}}, 2, 4}.mixed()), (Sizes{0, 2}));
  Bench none{{{"slow", 1, 1, 0, 100, false}}, 2, 4};
  EXPECT_EQ(none.mixed(), (Sizes{2}));
  EXPECT_EQ(none.result.reason, Reason::slo_unreachable);
}

TEST(PoolMix, a_cheaper_pool_is_filled_first_and_the_dear_one_then_goes) {
  Bench adds{{{"dear", 1, 4, 2}, {"cheap", 1, 1, 0}}, 2, 2};
  EXPECT_EQ(adds.mixed(), (Sizes{2, 2}));
  EXPECT_EQ(adds.plan.change_reason, Reason::cost_switch);
  Bench leaves{{{"dear", 1, 4, 2}, {"cheap", 1, 1, 2}}, 2, 4};
  leaves.plan.state.moving = 2;
  EXPECT_EQ(leaves.mixed(), (Sizes{0, 2}));
  EXPECT_EQ(leaves.plan.change_reason, Reason::cost_switch);
  // A tenth is not worth a cold start.
  EXPECT_EQ((Bench{{{"dear", 1, 1.1, 2}, {"cheap", 1, 1, 0}}, 2, 2}.mixed()), (Sizes{2, 0}));
}

TEST(ResizeTo, adds_the_cheapest_and_takes_back_what_was_to_be_added) {
  Bench bench{{{"dear", 1, 4, 1}, {"cheap", 1, 1, 1, 3}}, 1, 4};
  resize_to(bench.plan, 5);
  EXPECT_EQ(bench.plan.pools[0].target, 2);
  EXPECT_EQ(bench.plan.pools[1].target, 3);
  resize_to(bench.plan, 2);
  EXPECT_EQ(bench.plan.pools[0].target, 1);
  EXPECT_EQ(bench.plan.pools[1].target, 1);
}

TEST(ResizeTo, keeps_what_is_there_before_it_buys) {
  Bench bench{{{"dear", 1, 4, 6}, {"cheap", 1, 1, 0}}, 1, 1};
  (void)bench.mixed();
  ASSERT_EQ(bench.plan.target(), 1);
  resize_to(bench.plan, 5);  // a limited step down
  EXPECT_EQ(bench.plan.pools[0].target, 5);
  EXPECT_EQ(bench.plan.pools[1].target, 0);
}

}  // namespace
}  // namespace tidegate
