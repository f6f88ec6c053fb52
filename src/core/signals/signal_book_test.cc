#include "core/signals/signal_book.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

namespace tidegate {
namespace {

const Instant start = instant_at(1000);
constexpr double inf = std::numeric_limits<double>::infinity();

Instant at(double t) { return start + from_seconds(t); }

ServiceSpec chat() {
  ServiceSpec spec;
  spec.name = "chat";
  spec.pools = {PoolSpec{.name = "h100"}, PoolSpec{.name = "l4"}};
  return spec;
}

struct Where {
  Origin origin = Origin::replica;
  std::string replica = {};
  std::string name = {};
};

Sample sample(double t, Signal signal, decltype(Sample::value) value, const Where& where) {
  return {.service = "chat",
          .replica = where.replica,
          .signal = signal,
          .name = where.name,
          .value = std::move(value),
          .taken = at(t),
          .origin = where.origin};
}
Sample gauge(double t, Signal signal, double value, const Where& where) {
  return sample(t, signal, Gauge{value}, where);
}
Sample counter(double t, Signal signal, double total, const Where& where) {
  return sample(t, signal, Counter{total, 1}, where);
}
Sample lost(double t, Signal signal, const Where& where) {
  Sample made = sample(t, signal, std::monostate{}, where);
  made.quality = Quality::error;
  made.cause = "connection refused";
  return made;
}

const LiveReplica r1{.replica = "r1", .pool = "h100"}, r2{.replica = "r2", .pool = "l4"};

class Book : public testing::Test {
 protected:
  void put(const Sample& one) { book_.ingest(std::span{&one, 1}, one.taken); }
  Observation read(double t, std::vector<LiveReplica> live) { return book_.readings(spec_, live, at(t)); }

  SignalBook book_;
  ServiceSpec spec_ = chat();
};

TEST_F(Book, NothingKnownIsAbsentEverywhere) {
  const Observation seen = read(0, {r1});
  EXPECT_EQ(seen.arrivals.quality, Quality::absent);
  EXPECT_EQ(seen.in_flight.quality, Quality::absent);
  EXPECT_EQ(seen.latency(LatencyKind::ttft, Percentile::p99).quality, Quality::absent);
  ASSERT_EQ(seen.pools.size(), 2u);
  EXPECT_EQ(seen.pools[0].pool, "h100");
  EXPECT_EQ(seen.pools[0].in_flight.quality, Quality::absent);
}

TEST_F(Book, SumsInFlightAndAveragesUsageOverReplicas) {
  put(gauge(0, Signal::in_flight, 5, {.replica = "r1"}));
  put(gauge(0, Signal::in_flight, 7, {.replica = "r2"}));
  put(gauge(0, Signal::kv_usage, 0.2, {.replica = "r1"}));
  put(gauge(0, Signal::kv_usage, 0.6, {.replica = "r2"}));
  const Observation seen = read(0, {r1, r2});
  EXPECT_EQ(seen.in_flight.fresh(), 12);
  EXPECT_EQ(seen.in_flight.coverage, (Coverage{2, 2}));
  EXPECT_DOUBLE_EQ(*seen.kv_usage.fresh(), 0.4);
  EXPECT_EQ(seen.pools[0].in_flight.fresh(), 5);
  EXPECT_EQ(seen.pools[1].in_flight.fresh(), 7);
  EXPECT_EQ(seen.pools[1].in_flight.coverage, (Coverage{1, 1}));
}

TEST_F(Book, CoverageSaysWhoDidNotReport) {
  put(gauge(0, Signal::in_flight, 5, {.replica = "r1"}));
  put(lost(0, Signal::in_flight, {.replica = "r2"}));
  const Observation partly = read(0, {r1, r2});
  EXPECT_EQ(partly.in_flight.fresh(), 5);
  EXPECT_EQ(partly.in_flight.coverage, (Coverage{1, 2}));
  put(lost(1, Signal::in_flight, {.replica = "r1"}));
  EXPECT_EQ(read(1, {r1, r2}).in_flight.quality, Quality::error) << "nobody: not zero";
}

TEST_F(Book, StaleNumbersDoNotMixWithFreshOnes) {
  put(gauge(0, Signal::in_flight, 100, {.replica = "r1"}));
  put(gauge(10, Signal::in_flight, 7, {.replica = "r2"}));
  const Observation seen = read(10, {r1, r2});
  EXPECT_EQ(seen.in_flight.fresh(), 7);
  EXPECT_EQ(seen.in_flight.coverage, (Coverage{1, 2}));
  const Observation later = read(20, {r1, r2});
  EXPECT_EQ(later.in_flight.quality, Quality::stale);
  EXPECT_EQ(later.in_flight.age, 10s);
}

TEST_F(Book, WarmingAndUnknownReplicasNeverCount) {
  put(gauge(0, Signal::in_flight, 5, {.replica = "r1"}));
  put(gauge(0, Signal::in_flight, 900, {.replica = "warming"}));
  EXPECT_EQ(read(0, {r1}).in_flight.fresh(), 5);
  EXPECT_EQ(book_.drops().not_live, 1u);
  EXPECT_EQ(book_.tracks(), 1u);
}

TEST_F(Book, DrainersServeButAreNotExpected) {
  LiveReplica draining = r2;
  draining.draining = true;
  put(gauge(0, Signal::in_flight, 5, {.replica = "r1"}));
  put(gauge(0, Signal::in_flight, 2, {.replica = "r2"}));
  put(gauge(0, Signal::kv_usage, 0.5, {.replica = "r1"}));
  put(gauge(0, Signal::kv_usage, 0.1, {.replica = "r2"}));
  const Observation seen = read(0, {r1, draining});
  EXPECT_EQ(seen.in_flight.fresh(), 7);
  EXPECT_EQ(seen.in_flight.coverage, (Coverage{1, 1}));
  EXPECT_DOUBLE_EQ(*seen.kv_usage.fresh(), 0.5);
}

TEST_F(Book, CountsAreSinceThePreviousObservation) {
  put(counter(0, Signal::completions, 100, {.replica = "r1"}));
  EXPECT_EQ(read(0, {r1}).completions.quality, Quality::absent) << "nothing to count from";
  put(counter(1, Signal::completions, 104, {.replica = "r1"}));
  EXPECT_EQ(read(1, {r1}).completions.fresh(), 4);
  put(counter(2, Signal::completions, 104, {.replica = "r1"}));
  EXPECT_EQ(read(2, {r1}).completions.fresh(), 0) << "measured zero";
}

TEST_F(Book, VanishedReplicaLeavesItsLastCountAndNoNegativeOne) {
  for (int t = 0; t <= 1; ++t) {
    put(counter(t, Signal::completions, 1000 + t, {.replica = "r1"}));
    put(counter(t, Signal::completions, 500 + t, {.replica = "r2"}));
    (void)read(t, {r1, r2});
  }
  put(counter(2, Signal::completions, 1002, {.replica = "r1"}));
  put(counter(1.5, Signal::completions, 504, {.replica = "r2"}));
  const Observation seen = read(2, {r1});
  EXPECT_EQ(seen.completions.fresh(), 1 + 3);
  EXPECT_EQ(seen.completions.coverage, (Coverage{1, 1}));
  put(counter(3, Signal::completions, 1003, {.replica = "r1"}));
  EXPECT_EQ(read(3, {r1}).completions.fresh(), 1);
  EXPECT_EQ(book_.tracks(), 1u);
}

TEST_F(Book, TheGatewaySpeaksOnceItHasCountedARequest) {
  put(counter(0, Signal::arrivals, 0, {.origin = Origin::gateway}));
  put(gauge(0, Signal::in_flight, 0, {.origin = Origin::gateway}));
  put(gauge(0, Signal::in_flight, 12, {.replica = "r1"}));
  const Observation bypassed = read(0, {r1});
  EXPECT_EQ(bypassed.in_flight.fresh(), 12) << "the gateway stands in nobody's path";
  EXPECT_EQ(bypassed.arrivals.quality, Quality::absent) << "its zero would say: no load";
  put(counter(1, Signal::arrivals, 3, {.origin = Origin::gateway}));
  put(gauge(1, Signal::in_flight, 2, {.origin = Origin::gateway}));
  const Observation routed = read(1, {r1});
  EXPECT_EQ(routed.in_flight.fresh(), 2);
  EXPECT_EQ(routed.arrivals.fresh(), 3);
}

TEST_F(Book, AnIdleGatewayAloneIsEvidenceOfNoLoad) {
  for (int t = 0; t <= 1; ++t) {
    put(counter(t, Signal::arrivals, 0, {.origin = Origin::gateway}));
    put(gauge(t, Signal::queued, 0, {.origin = Origin::gateway}));
    (void)read(t, {});
  }
  put(counter(2, Signal::arrivals, 0, {.origin = Origin::gateway}));
  EXPECT_EQ(read(2, {}).arrivals.fresh(), 0);
}

TEST_F(Book, ABrokenBetterOriginIsNotReplacedByAnother) {
  for (int t = 0; t <= 1; ++t) {
    put(counter(t, Signal::arrivals, 5 + t, {.origin = Origin::gateway}));
    (void)read(t, {});
  }
  put(gauge(30, Signal::arrivals, 0, {.origin = Origin::traffic}));
  EXPECT_EQ(read(30, {}).arrivals.quality, Quality::stale) << "the gateway is gone: its silence is not the load's";
}

TEST_F(Book, TrafficRateBecomesACount) {
  spec_.signals.traffic = TrafficSpec{};
  put(counter(0, Signal::arrivals, 0, {.origin = Origin::gateway}));
  EXPECT_EQ(read(0, {}).arrivals.quality, Quality::absent)
      << "traffic: is configured, the gateway's zero means nothing";
  put(gauge(1, Signal::arrivals, 40, {.origin = Origin::traffic}));
  EXPECT_DOUBLE_EQ(*read(2, {}).arrivals.fresh(), 80) << "40 a second over 2 s";
  EXPECT_DOUBLE_EQ(*read(2.5, {}).arrivals.fresh(), 20);
}

Sample ttft(double t, double fast, double slow, const std::string& replica) {
  return sample(t, Signal::ttft, Histogram{.buckets = {{1, fast}, {2, fast + slow}, {inf, fast + slow}}, .sum = 0},
                {.replica = replica});
}

TEST_F(Book, QuantilesAreOfAllReplicasTogether) {
  put(ttft(0, 0, 0, "r1"));
  put(ttft(0, 0, 0, "r2"));
  const Observation idle = read(0, {r1, r2});
  EXPECT_EQ(idle.latency(LatencyKind::ttft, Percentile::p50).quality, Quality::nan) << "a quantile of nothing";
  put(ttft(1, 50, 0, "r1"));
  put(ttft(1, 0, 50, "r2"));
  const Observation seen = read(1, {r1, r2});
  EXPECT_DOUBLE_EQ(*seen.latency(LatencyKind::ttft, Percentile::p50).fresh(), 1.0);
  EXPECT_DOUBLE_EQ(*seen.latency(LatencyKind::ttft, Percentile::p90).fresh(), 1.8);
  EXPECT_EQ(seen.latency(LatencyKind::ttft, Percentile::p50).coverage, (Coverage{2, 2}));
  put(ttft(70, 50, 0, "r1"));
  EXPECT_EQ(read(70, {r1}).latency(LatencyKind::ttft, Percentile::p50).quality, Quality::nan);
}

TEST_F(Book, QueriesGivePercentilesAndCustomReadings) {
  put(gauge(0, Signal::custom, 0.42, {.origin = Origin::query, .name = "ttft_p99"}));
  put(gauge(0, Signal::custom, 17, {.origin = Origin::query, .name = "kafka_lag"}));
  const Observation seen = read(0, {});
  EXPECT_EQ(seen.latency(LatencyKind::ttft, Percentile::p99).fresh(), 0.42);
  EXPECT_EQ(seen.latency(LatencyKind::ttft, Percentile::p50).quality, Quality::absent);
  ASSERT_EQ(seen.custom.size(), 1u);
  EXPECT_EQ(seen.custom[0].name, "kafka_lag");
  EXPECT_EQ(seen.custom[0].reading.fresh(), 17);
}

TEST_F(Book, ObjectivesCountedByTheGateway) {
  put(counter(0, Signal::arrivals, 9, {.origin = Origin::gateway}));
  put(counter(0, Signal::custom, 9, {.origin = Origin::gateway, .name = "within_slo"}));
  (void)read(0, {});
  put(counter(1, Signal::custom, 14, {.origin = Origin::gateway, .name = "within_slo"}));
  const Observation seen = read(1, {});
  EXPECT_EQ(seen.within_slo.fresh(), 5);
  EXPECT_TRUE(seen.custom.empty());
}

TEST_F(Book, ASampleFromTheFutureAgesLikeAnyOther) {
  Sample ahead = gauge(500, Signal::in_flight, 5, {.replica = "r1"});
  book_.ingest(std::span{&ahead, 1}, at(0));
  EXPECT_EQ(read(10, {r1}).in_flight.quality, Quality::stale);
}

RC_GTEST_PROP(SignalBook, CountsNeverNegativeWhateverComesAndGoes,
              (std::vector<std::tuple<bool, bool, unsigned char, unsigned char>> steps)) {
  SignalBook book;
  const ServiceSpec spec = chat();
  int t = 0;
  for (auto [first_lives, second_lives, first, second] : steps) {
    std::vector<LiveReplica> live;
    if (first_lives) live.push_back(r1);
    if (second_lives) live.push_back(r2);
    const std::vector<Sample> samples{counter(t, Signal::completions, first, {.replica = "r1"}),
                                      counter(t, Signal::completions, second, {.replica = "r2"}),
                                      ttft(t, first, second, "r1")};
    book.ingest(samples, at(t));
    const Observation seen = book.readings(spec, live, at(t));
    RC_ASSERT(seen.completions.value >= 0);
    RC_ASSERT(seen.completions.coverage.reported <= seen.completions.coverage.expected);
    if (live.empty()) RC_ASSERT(!seen.in_flight.is_fresh());
    RC_ASSERT(seen.latency(LatencyKind::ttft, Percentile::p50).value <=
              seen.latency(LatencyKind::ttft, Percentile::p99).value);
    t += 1;
  }
}

}  // namespace
}  // namespace tidegate
