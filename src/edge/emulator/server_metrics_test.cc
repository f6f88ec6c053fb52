#include "edge/emulator/server_metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "edge/sources/page_reader.h"

namespace tidegate {
namespace {

std::vector<SignalFinding> read(const std::string& page) {
  PageReader reader(*find_preset("vllm"));
  auto findings = reader.read(page);
  EXPECT_TRUE(findings) << findings.error().message;
  return findings.value_or(std::vector<SignalFinding>{});
}

ServerMetrics one_request() {
  ServerMetrics metrics;
  GenerationRecord request{.arrival = instant_at(100), .input_tokens = 1000, .tokens_max = 3};
  request.begun = instant_at(100.5);
  request.first_token = request.last_token = instant_at(101);
  request.produced = 1;
  metrics.first_token(request);
  for (int i = 0; i < 2; ++i) {
    ++request.produced;
    request.last_token += 30ms;
    metrics.next_token(30ms);
  }
  metrics.finished(request, FinishReason::length);
  return metrics;
}

double value_of(const SignalFinding& finding) {
  if (const auto* gauge = std::get_if<Gauge>(&finding.value)) return gauge->value;
  if (const auto* counter = std::get_if<Counter>(&finding.value)) return counter->total;
  return std::get<Histogram>(finding.value).sum;
}

TEST(server_metrics, the_preset_finds_every_signal) {
  const EngineLoad load{.running = 3, .waiting = 2, .kv_usage = 0.25};
  const auto findings = read(one_request().page({}, load, {.model = "a \"quoted\\model", .started = 1.7e9}));
  ASSERT_FALSE(findings.empty());
  for (const SignalFinding& finding : findings) {
    SCOPED_TRACE(to_text(finding.metric->signal));
    EXPECT_EQ(finding.quality, Quality::fresh);
    EXPECT_EQ(finding.name, finding.metric->names[0]) << "not the newest server's name";
    switch (finding.metric->signal) {
      case Signal::in_flight:
        EXPECT_EQ(value_of(finding), 3);
        break;
      case Signal::queued:
        EXPECT_EQ(value_of(finding), 2);
        break;
      case Signal::kv_usage:
        EXPECT_EQ(value_of(finding), 0.25);
        break;
      case Signal::completions:
        EXPECT_EQ(value_of(finding), 1);
        break;
      case Signal::input_tokens:
        EXPECT_EQ(value_of(finding), 1000);
        break;
      case Signal::output_tokens:
        EXPECT_EQ(value_of(finding), 3);
        break;
      case Signal::ttft:
        EXPECT_DOUBLE_EQ(value_of(finding), 1);
        break;
      case Signal::itl:
        EXPECT_DOUBLE_EQ(value_of(finding), 0.06);
        break;
      case Signal::latency:
        EXPECT_DOUBLE_EQ(value_of(finding), 1.06);
        break;
      case Signal::queue_wait:
        EXPECT_DOUBLE_EQ(value_of(finding), 0.5);
        break;
      default:
        ADD_FAILURE() << "a signal this test does not know";
    }
  }
}

TEST(server_metrics, absent_and_nan_are_told_apart_by_the_reader) {
  for (const SignalFinding& finding : read(one_request().page({}, {}, {.model = "m", .is_absent = true})))
    EXPECT_EQ(finding.quality, Quality::absent);
  for (const SignalFinding& finding : read(one_request().page({}, {}, {.model = "m", .is_nan = true})))
    EXPECT_EQ(finding.quality, Quality::nan) << to_text(finding.metric->signal);
}

TEST(server_metrics, a_value_on_a_bound_counts_below_it) {
  constexpr double bounds[] = {1, 2};
  BucketCounts counts(bounds);
  counts.observe(1);
  counts.observe(1.5, 3);
  counts.observe(7);
  EXPECT_EQ(counts.in_bucket(0), 1U);
  EXPECT_EQ(counts.in_bucket(1), 3U);
  EXPECT_EQ(counts.in_bucket(2), 1U);
  EXPECT_DOUBLE_EQ(counts.sum(), 12.5);
}

}  // namespace
}  // namespace tidegate
