#include "lab/sim/scorecard.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

constexpr Instant start{};

RequestEnd served(Duration at, Duration ttft) {
  return {.arrival = start + at, .wait = ttft, .ttft = ttft, .latency = ttft};
}

TEST(Scorecard, attainment_counts_dropped_and_cut_requests_as_missed) {
  Scorecard card{Slo{}};  // ttft_p99 2s
  card.request(served(0s, 1s));
  card.request(served(1s, 2s));
  card.request(served(2s, 3s));
  card.request({.arrival = start + 3s, .outcome = RequestOutcome::dropped, .cold_start_exposed = true});
  card.request({.arrival = start + 4s, .outcome = RequestOutcome::cut});
  const auto score = card.score();
  EXPECT_EQ(score.requests, 5u);
  EXPECT_EQ(score.dropped, 1u);
  EXPECT_EQ(score.cut, 1u);
  EXPECT_EQ(score.cold_start_exposed, 1u);
  EXPECT_DOUBLE_EQ(score.attainment, 0.4);
  EXPECT_DOUBLE_EQ(card.attainment(start, start + 2s), 1.0);
  EXPECT_EQ(card.latency_quantile(LatencyKind::ttft, 0.5), 2.0);
  EXPECT_EQ(card.latency_quantile(LatencyKind::itl, 0.5), std::nullopt);
}

TEST(Scorecard, reversals_and_flaps) {
  Scorecard card{Slo{}};
  int minute = 0;
  for (const int size : {1, 3, 3, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1})
    card.decided(start + std::chrono::minutes{minute++}, Replicas{size});
  const auto score = card.score();
  EXPECT_EQ(score.scale_events, 4u);
  EXPECT_EQ(score.reversals, 3u);
  EXPECT_EQ(score.flaps, 2u);  // the last one came nine minutes later
  EXPECT_EQ(score.replicas_max, 4);
  EXPECT_EQ(score.replicas_last, 1);
}

TEST(Scorecard, bill_and_minutes) {
  Scorecard card{Slo{}};
  card.replica(30min, 2, MicroUsdPerHour{3'500'000});
  card.replica(30min, 2, std::nullopt);
  EXPECT_DOUBLE_EQ(card.score().replica_hours, 1);
  EXPECT_DOUBLE_EQ(card.score().gpu_hours, 2);
  EXPECT_DOUBLE_EQ(card.score().cost, 1.75);
  card.request(served(10s, 1s)), card.request(served(70s, 9s)), card.request(served(190s, 1s));
  EXPECT_DOUBLE_EQ(card.minutes_below(LatencyKind::ttft, 0.95, 2), 2.0 / 3);
}

TEST(Scorecard, quantiles_are_values_that_occurred) {
  std::vector<double> values{5, 1, 4, 2, 3};
  EXPECT_EQ(quantile(values, 0.5), 3);
  EXPECT_EQ(quantile(values, 0.2), 1);
  EXPECT_EQ(quantile(values, 0.99), 5);
  std::vector<double> none;
  EXPECT_EQ(quantile(none, 0.5), 0);
}

}  // namespace
}  // namespace tidegate
