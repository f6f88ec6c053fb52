// The plain policies and the peers: worked numbers of their headers.
#include "core/policy/policies.h"

#include <gtest/gtest.h>

#include "core/policy/highest_need.h"
#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

// A service with in-flight alone, on a given number of ready replicas.
struct Bench {
  Proposal propose_at(double now, const PolicySpec& policy, double in_flight, double ready) {
    seen.now = instant_at(now);
    seen.in_flight = in_flight < 0 ? Reading{} : Reading::of(in_flight);
    const PolicyInput input{.spec = spec,
                            .seen = seen,
                            .demand = demand,
                            .at_lead = forecast,
                            .over_hold = forecast,
                            .reference = capacity,
                            .history = history,
                            .ready = ready};
    return propose(policy, memory, input);
  }
  ServiceSpec spec;
  Observation seen;
  Demand demand;
  Forecast forecast;
  Capacity capacity;
  DemandHistory history;
  PolicyMemory memory;
};

double floor_of(const Proposal& proposal) { return proposal.band.floor.value(); }
double ceiling_of(const Proposal& proposal) { return proposal.band.ceiling.value(); }

TEST(Target, is_proportional) {
  Bench bench;
  const TargetPolicy policy{.target = 8};
  EXPECT_EQ(floor_of(bench.propose_at(0, policy, 64, 4)), 8);
  EXPECT_EQ(bench.propose_at(1, policy, 64, 4).band.floor_reason, Reason::signal_above_target);
  EXPECT_EQ(floor_of(bench.propose_at(2, policy, 4, 4)), 0.5);
}

TEST(Target, within_the_tolerance_keeps_what_is_there) {
  Bench bench;
  const TargetPolicy policy{.target = 8, .hold_down = 1s};
  EXPECT_EQ(floor_of(bench.propose_at(0, policy, 35, 4)), 4);
  EXPECT_EQ(ceiling_of(bench.propose_at(10, policy, 29, 4)), 4);
}

TEST(Target, an_average_scales_with_the_ready_replicas) {
  Bench bench;
  EXPECT_EQ(floor_of(bench.propose_at(0, TargetPolicy{.target = 2, .per_replica = false}, 4, 4)), 8);
}

TEST(Target, the_ceiling_is_the_highest_need_of_the_window) {
  Bench bench;
  const TargetPolicy policy{.target = 8, .hold_down = 30s};
  (void)bench.propose_at(0, policy, 64, 8);
  EXPECT_EQ(ceiling_of(bench.propose_at(29, policy, 8, 8)), 8);
  EXPECT_EQ(ceiling_of(bench.propose_at(30, policy, 8, 8)), 1);
}

TEST(Target, without_a_value_there_is_no_evidence) {
  Bench bench;
  const auto blind = bench.propose_at(0, TargetPolicy{}, -1, 4);
  EXPECT_FALSE(blind.has_evidence);
  EXPECT_EQ(blind.quality, Reason::no_data);
  EXPECT_GE(ceiling_of(blind), 4);
}

TEST(Target, partial_coverage_may_raise_and_not_lower) {
  Bench bench;
  bench.seen.custom = {{"tokens", Reading{.quality = Quality::fresh, .value = 48, .coverage = {3, 4}}}};
  const auto partial = bench.propose_at(0, TargetPolicy{.signal = Signal::custom, .name = "tokens", .target = 8}, 0, 2);
  EXPECT_EQ(floor_of(partial), 6);
  EXPECT_FALSE(partial.has_evidence);
  EXPECT_EQ(partial.quality, Reason::signals_partial);
}

TEST(HighestNeed, is_bounded_and_exact_at_the_edge_of_the_window) {
  HighestNeed memory;
  for (int i = 0; i < 10'000; ++i) observe(memory, instant_at(i), 1h, 10'000 - i);
  EXPECT_LE(memory.entries.size(), 2u * HighestNeed::buckets);
  observe(memory, instant_at(20'000), 10s, 3);
  EXPECT_EQ(highest(memory, instant_at(20'009), 10s), 3);
  EXPECT_EQ(highest(memory, instant_at(20'010), 10s), 0);
}

TEST(Schedule, opens_and_closes_by_the_local_clock) {
  Bench bench;
  bench.spec.timezone = "Europe/Berlin";
  const SchedulePolicy policy{{{.start = *parse_cron("0 8 * * *"),
                                .end = *parse_cron("0 18 * * *"),
                                .replicas_min = Replicas{4},
                                .replicas_max = Replicas{6}}}};
  EXPECT_EQ(floor_of(bench.propose_at(6.9 * 3600, policy, 0, 1)), 0);
  const auto open = bench.propose_at(7 * 3600, policy, 0, 1);
  EXPECT_EQ(floor_of(open), 4);
  EXPECT_EQ(open.band.floor_reason, Reason::schedule);
  EXPECT_EQ(open.cap, WeightedReplicas{6});
  EXPECT_EQ(floor_of(bench.propose_at(17 * 3600, policy, 0, 1)), 0);
}

TEST(SignalReading, counts_become_rates_and_latencies_take_their_percentile) {
  Observation seen;
  seen.arrivals = Reading::of(20);
  seen.latency(LatencyKind::ttft, Percentile::p95) = Reading::of(0.7);
  EXPECT_EQ(signal_reading(seen, Signal::arrivals, "", 10s).value, 2);
  EXPECT_EQ(signal_reading(seen, Signal::arrivals, "", 0s).quality, Quality::absent);
  EXPECT_EQ(signal_reading(seen, Signal::ttft, "ttft_p95", 1s).value, 0.7);
  EXPECT_FALSE(signal_reading(seen, Signal::ttft, "", 1s).is_fresh());
  EXPECT_FALSE(signal_reading(seen, Signal::custom, "unheard", 1s).is_fresh());
}

}  // namespace
}  // namespace tidegate
