#include "edge/load/load_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/base/prng.h"
#include "edge/load/load_tally.h"

namespace tidegate {
namespace {

Instant at(double second) { return instant_at(1000 + second); }

TEST(LatencyHistogram, QuantilesAreWithinHalfAPercent) {
  LatencyHistogram histogram;
  EXPECT_FALSE(histogram.quantile(0.5));
  std::vector<double> all;
  Prng random{4};
  for (int i = 0; i < 20'001; ++i) {
    all.push_back(random.lognormal(0.2, 2));
    histogram.record(from_seconds(all.back()));
  }
  std::ranges::sort(all);
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    const double exact = all[static_cast<std::size_t>(std::ceil(share * 20'001)) - 1];
    EXPECT_NEAR(seconds(*histogram.quantile(share)), exact, exact * 0.005 + 1e-6) << share;
  }
}

TEST(LatencyHistogram, NearestRank) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(i * 1us);
  EXPECT_EQ(histogram.quantile(0.5), 50us);
  EXPECT_EQ(histogram.quantile(0.99), 99us);
  EXPECT_EQ(histogram.quantile(1), 100us);
  histogram.record(1000h);
  EXPECT_NEAR(seconds(*histogram.quantile(1)), 3 * 3600, 60);
}

LoadOutcome good(double due, double first, double end, std::uint32_t tokens = 11) {
  return {.due = at(due),
          .sent = at(due),
          .ended = at(end),
          .first = at(first),
          .last = at(end),
          .tokens = tokens,
          .status = 200};
}

TEST(LoadTally, FailedRequestsHaveMissed) {
  LoadTally tally(Slo{}, at(0));
  EXPECT_FALSE(tally.attainment());
  for (int i = 0; i < 98; ++i) tally.add(good(i, i + 0.5, i + 1));
  tally.add(good(98, 101, 102));
  tally.add({.due = at(99), .sent = at(99), .ended = at(99), .status = 503, .failure = "status_503"});
  const auto report = tally.report(false);
  EXPECT_EQ(report.requests, 100u);
  EXPECT_EQ(report.errors, 1u);
  EXPECT_NEAR(*report.slo_attainment, 0.98, 1e-12);
  EXPECT_FALSE(report.is_met());
  EXPECT_EQ(report.ttft.count(), 99u);
  EXPECT_EQ(report.statuses.at(503), 1u);
}

TEST(LoadTally, AfterTheFirstSuccessCountsThoseDueSince) {
  LoadTally tally(Slo{}, at(0));
  tally.first_token(at(20));
  tally.add(good(0, 20, 21));  // waited for the cold start
  tally.add(good(10, 20.1, 22));
  tally.add(good(20, 20.5, 23));
  tally.add(good(30, 31, 33));
  const auto report = tally.report(false);
  EXPECT_EQ(report.slo_attainment, 0.5);
  EXPECT_EQ(report.attainment_after_first, 1.0);
  EXPECT_EQ(report.first_success, 20s);
  EXPECT_FALSE(report.is_met());
}

TEST(LoadTally, JudgesEveryKindOfObjective) {
  LoadTally tally(Slo{{{LatencyKind::itl, Percentile::p50, 60ms},
                       {LatencyKind::latency, Percentile::p90, 3s},
                       {LatencyKind::queue_wait, Percentile::p95, 1s}}},
                  at(0));
  tally.add(good(0, 1, 1.5));   // gaps of 50 ms
  tally.add(good(0, 1, 3.5));   // gaps of 250 ms, too long a latency
  tally.add(good(0, 1, 2, 1));  // one token: no gap to judge
  auto told = good(0, 1, 1.1);
  told.queue = 2s;
  tally.add(told);
  const auto report = tally.report(false);
  EXPECT_NEAR(*report.objectives[0].attained, 2.0 / 3, 1e-12);
  EXPECT_NEAR(*report.objectives[1].attained, 0.75, 1e-12);
  EXPECT_EQ(report.objectives[2].attained, 0.0);
  EXPECT_NEAR(*report.slo_attainment, 0.5, 1e-12);
  EXPECT_TRUE(report.objectives[0].is_met());
}

TEST(LoadReport, SnapshotsOfJsonAndText) {
  LoadTally tally(Slo{}, at(0));
  tally.connection();
  tally.in_flight(2);
  tally.first_token(at(0.1));
  auto told = good(0, 0.1, 1.1);
  told.queue = 4ms;
  tally.add(told);
  tally.add({.due = at(1), .sent = at(1.5), .ended = at(2), .failure = "connection_refused"});
  const auto report = tally.report(false);
  EXPECT_EQ(to_json(report),
            R"({"requests":2,"errors":1,"slo_attainment":0.5,)"
            R"("ttft_seconds":{"p50":0.1001,"p90":0.1001,"p95":0.1001,"p99":0.1001},)"
            R"("latency_seconds":{"p50":1.102,"p90":1.102,"p95":1.102,"p99":1.102},)"
            R"("queue_seconds":{"p50":0.004008,"p90":0.004008,"p95":0.004008,"p99":0.004008},)"
            R"("itl_seconds":{"p50":0.1001,"p90":0.1001,"p95":0.1001,"p99":0.1001},)"
            R"("objectives":[{"objective":"ttft_p99","bound_seconds":2,"attained":0.5,"attained_after_first":0,)"
            R"("met":false}],"attainment_after_first":0,"first_success_seconds":0.1,)"
            R"("errors_by_kind":{"connection_refused":1},"statuses":{"200":1},"cancelled":0,)"
            R"("output_tokens":11,"duration_seconds":2,"sent_rate":1,)"
            R"("late_sends":1,"late_seconds_max":0.5,"in_flight_max":2,"connections":1,"sent_again":0,)"
            R"("interrupted":false})");
  EXPECT_EQ(to_text(report),
            "2 requests in 2s (1.00 per second), 1 errors\n"
            "  connection_refused  1\n"
            "  ttft_p99    missed  50.00 % of requests within 2s (after the first success 0.00 %)\n"
            "  ttft        p50 100ms     p90 100ms     p95 100ms     p99 100ms\n"
            "  itl         p50 100ms     p90 100ms     p95 100ms     p99 100ms\n"
            "  latency     p50 1.1s      p90 1.1s      p95 1.1s      p99 1.1s\n"
            "  queue       p50 4.01ms    p90 4.01ms    p95 4.01ms    p99 4.01ms\n"
            "  first token 100ms after the start\n"
            "  11 output tokens, at most 2 in flight, 1 connections\n"
            "  1 requests were sent late, at most by 500ms: this client was short of time or connections\n");
}

TEST(LoadReport, WhatWasNotMeasuredIsNull) {
  const LoadTally tally(Slo{}, at(0));
  const auto json = to_json(tally.report(true));
  EXPECT_NE(json.find(R"("slo_attainment":null,"ttft_seconds":null,"latency_seconds":null,"queue_seconds":null)"),
            std::string::npos);
  EXPECT_NE(json.find(R"("attained":null,"attained_after_first":null,"met":false)"), std::string::npos);
}

}  // namespace
}  // namespace tidegate
