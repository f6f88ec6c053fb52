#include "core/decide/pool_limits.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

// One pool whose replicas are told tick by tick.
struct LimitBench {
  LimitBench() { spec.guardrails.replicas_max = Replicas{40}; }
  // Most replicas that it may have, after a tick in which it looks so.
  std::int32_t most(Duration at, PoolObservation seen_pool, bool got_ready = false) {
    seen_pool.pool = pool.name;
    seen.now = Instant{at};
    seen.cold_starts.clear();
    if (got_ready) seen.cold_starts.push_back({.pool = pool.name, .took = 5s});
    learn_limits(starts, seen, seen_pool);
    ServicePlan plan{.spec = spec, .seen = seen};
    PoolPlan limited{
        .spec = &pool, .seen = &seen_pool, .present = seen_pool.committed().value(), .ready = seen_pool.ready};
    limit_pool(limited, plan, starts);
    reason = limited.most_reason;
    return limited.most;
  }
  PoolSpec pool{.name = "h100"};
  ServiceSpec spec;
  Observation seen;
  StartMemory starts;
  Reason reason = Reason::steady;
};

TEST(PoolLimits, what_waits_for_a_place_is_committed_and_no_more_is_asked_for) {
  LimitBench bench;
  EXPECT_EQ(bench.most(0s, {.ready = 16}), 40);
  EXPECT_EQ(bench.most(10s, {.requested = 2, .ready = 16, .available = 0}), 18);
  EXPECT_EQ(bench.reason, Reason::capacity_unavailable);
  EXPECT_EQ(unplaced({.requested = 2, .ready = 16, .available = 0}), 2);
  EXPECT_EQ(unplaced({.requested = 2, .ready = 16, .available = 1}), 0);
  EXPECT_EQ(unplaced({.requested = 2, .ready = 16}), 0);
}

TEST(PoolLimits, a_stock_out_lasts_longer_each_time_until_a_replica_gets_ready) {
  LimitBench bench;
  const PoolObservation full{.requested = 2, .ready = 16, .available = 0};
  const PoolObservation given_up{.ready = 16, .failed = 2, .available = 0};
  const PoolObservation withdrawn{.ready = 16};
  Duration at = 0s;
  for (const Duration wait : {5min, 10min, 20min, 40min, 60min, 60min}) {
    EXPECT_EQ(bench.most(at, full), 18);
    at += 5min;
    EXPECT_EQ(bench.most(at, given_up), 16);
    EXPECT_EQ(bench.most(at + wait - 1s, withdrawn), 16);
    EXPECT_EQ(bench.reason, Reason::capacity_unavailable);
    at += wait;
    EXPECT_EQ(bench.most(at, withdrawn), 40) << "it is tried again";
  }
  EXPECT_EQ(bench.most(at, full), 18);
  EXPECT_EQ(bench.most(at + 5min, given_up), 16);
  EXPECT_EQ(bench.most(at + 6min, {.ready = 17, .failed = 1}, true), 40);
  EXPECT_EQ(bench.starts.stock_outs, 0);
}

TEST(PoolLimits, replicas_given_up_one_after_another_are_one_stock_out) {
  LimitBench bench;
  for (int gone = 1; gone <= 4; ++gone)
    EXPECT_EQ(bench.most(gone * 10s, {.requested = 4 - gone, .ready = 3, .failed = gone, .available = 0}), 7 - gone);
  EXPECT_EQ(bench.starts.stock_outs, 1);
  EXPECT_EQ(bench.starts.failures, 0) << "nothing failed to start";
  EXPECT_EQ(bench.most(1min, {.ready = 3, .failed = 4, .available = 2}), 5) << "the target knows of places again";
  EXPECT_EQ(bench.starts.stock_outs, 0);
}

TEST(PoolLimits, starts_that_fail_keep_the_size_they_began_with) {
  LimitBench bench;
  EXPECT_EQ(bench.most(0s, {.loading = 2, .ready = 3}), 40);
  EXPECT_EQ(bench.most(10s, {.loading = 1, .ready = 3, .failed = 1}), 4);
  EXPECT_EQ(bench.reason, Reason::start_failed);
  EXPECT_EQ(bench.most(41s, {.loading = 1, .ready = 3, .failed = 1}), 5) << "one try after half a minute";
  EXPECT_EQ(bench.most(50s, {.ready = 5}, true), 40);
}

}  // namespace
}  // namespace tidegate
