#include "edge/sources/page_reader.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "edge/sources/testing/vllm_page.h"

namespace tidegate {
namespace {

const SignalFinding& of(const std::vector<SignalFinding>& findings, Signal signal) {
  for (const SignalFinding& finding : findings)
    if (finding.metric->signal == signal) return finding;
  ADD_FAILURE() << "no finding of " << to_text(signal);
  return findings.front();
}

std::vector<SignalFinding> read(const std::string& page, const Preset& preset = *find_preset("vllm")) {
  PageReader reader{preset};
  auto findings = reader.read(page);
  EXPECT_TRUE(findings) << (findings ? "" : findings.error().message);
  return findings.value_or(std::vector<SignalFinding>{});
}

TEST(PageReader, ReadsEverySignalOfAVllmPage) {
  const auto findings = read(vllm_page({.running = 7, .waiting = 2, .kv_usage = 0.5, .finished = 1000}));
  for (const SignalFinding& finding : findings)
    EXPECT_EQ(finding.quality, Quality::fresh) << to_text(finding.metric->signal);
  EXPECT_EQ(std::get<Gauge>(of(findings, Signal::in_flight).value).value, 7);
  EXPECT_EQ(std::get<Gauge>(of(findings, Signal::queued).value).value, 2);
  EXPECT_EQ(std::get<Gauge>(of(findings, Signal::kv_usage).value).value, 0.5);
  const auto completions = std::get<Counter>(of(findings, Signal::completions).value);
  EXPECT_EQ(completions.total, 1000) << "summed over the reasons to finish";
  EXPECT_EQ(completions.epoch, 1'700'000'000'000u) << "the start of the process";
  const auto ttft = std::get<Histogram>(of(findings, Signal::ttft).value);
  ASSERT_EQ(ttft.buckets.size(), 23u);
  EXPECT_EQ(ttft.buckets[0].upper, 0.001);
  EXPECT_EQ(ttft.buckets.back().upper, std::numeric_limits<double>::infinity());
  EXPECT_EQ(ttft.buckets.back().cumulative, 1000);
  EXPECT_GT(ttft.sum, 0);
}

TEST(PageReader, FallsBackToOldNames) {
  const auto findings = read("vllm:gpu_cache_usage_perc{model_name=\"m\"} 0.25\n");
  EXPECT_EQ(of(findings, Signal::kv_usage).name, "vllm:gpu_cache_usage_perc");
  EXPECT_EQ(std::get<Gauge>(of(findings, Signal::kv_usage).value).value, 0.25);
  const auto both = read("vllm:gpu_cache_usage_perc 0.25\nvllm:kv_cache_usage_perc 0.75\n");
  EXPECT_EQ(std::get<Gauge>(of(both, Signal::kv_usage).value).value, 0.75) << "the new name counts, whatever the order";
}

TEST(PageReader, AbsentIsNotZeroAndNanIsNeither) {
  const auto findings = read("vllm:num_requests_running NaN\nvllm:num_requests_waiting 0\n");
  EXPECT_EQ(of(findings, Signal::in_flight).quality, Quality::nan);
  EXPECT_EQ(of(findings, Signal::queued).quality, Quality::fresh);
  EXPECT_EQ(of(findings, Signal::kv_usage).quality, Quality::absent);
  const auto samples = samples_of(findings, {.service = "chat", .pool = "p", .replica = "r1"}, {});
  for (const Sample& sample : samples) {
    if (sample.signal == Signal::in_flight) {
      EXPECT_EQ(sample.cause, "vllm:num_requests_running is not a number");
    }
    if (sample.signal != Signal::kv_usage) continue;
    EXPECT_EQ(sample.quality, Quality::absent);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(sample.value));
    EXPECT_EQ(sample.cause, "not on the page: vllm:kv_cache_usage_perc, vllm:gpu_cache_usage_perc");
  }
}

TEST(PageReader, EnginesAddUpAndTheirUsageIsAveraged) {
  const auto findings = read(
      "vllm:num_requests_running{engine=\"0\"} 3\nvllm:num_requests_running{engine=\"1\"} 4\n"
      "vllm:kv_cache_usage_perc{engine=\"0\"} 0.2\nvllm:kv_cache_usage_perc{engine=\"1\"} 0.4\n"
      "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"1\"} 1\n"
      "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"+Inf\"} 2\n"
      "vllm:time_to_first_token_seconds_bucket{le=\"1\",engine=\"1\"} 3\n"
      "vllm:time_to_first_token_seconds_bucket{le=\"+Inf\",engine=\"1\"} 5\n");
  EXPECT_EQ(std::get<Gauge>(of(findings, Signal::in_flight).value).value, 7);
  EXPECT_DOUBLE_EQ(std::get<Gauge>(of(findings, Signal::kv_usage).value).value, 0.3);
  const auto ttft = std::get<Histogram>(of(findings, Signal::ttft).value);
  ASSERT_EQ(ttft.buckets.size(), 2u);
  EXPECT_EQ(ttft.buckets[0].cumulative, 4);
  EXPECT_EQ(ttft.buckets[1].cumulative, 7);
}

TEST(PageReader, RanksThatSeeTheSameWorkCountOnce) {
  static constexpr PresetMetric metrics[] = {{.signal = Signal::in_flight, .names = {"s:running"}}};
  const Preset preset{.name = "s", .path = "/metrics", .rank_label = "tp_rank", .metrics = metrics};
  const auto findings = read(
      "s:running{tp_rank=\"0\",dp_rank=\"0\"} 5\ns:running{tp_rank=\"1\",dp_rank=\"0\"} 5\n"
      "s:running{tp_rank=\"0\",dp_rank=\"1\"} 2\ns:running{tp_rank=\"1\",dp_rank=\"1\"} 3\n",
      preset);
  EXPECT_EQ(std::get<Gauge>(findings.at(0).value).value, 8) << "max over tp_rank, sum over dp_rank";
}

TEST(PageReader, RefusesBucketsWithoutABound) {
  PageReader reader{*find_preset("vllm")};
  EXPECT_FALSE(reader.read("vllm:time_to_first_token_seconds_bucket{engine=\"0\"} 1\n"));
  EXPECT_FALSE(reader.read("vllm:time_to_first_token_seconds_bucket{le=\"x\"} 1\n"));
  EXPECT_FALSE(reader.read("<html>\n"));
  EXPECT_TRUE(reader.read("vllm:num_requests_running 1\n")) << "and reads the next page well";
}

TEST(PageReader, ReportSaysWhatIsThere) {
  const std::string text = findings_text(read("vllm:num_requests_running 1\n"));
  EXPECT_NE(text.find("found    in_flight      vllm:num_requests_running\n"), std::string::npos) << text;
  EXPECT_NE(text.find("missing  kv_usage       looked for vllm:kv_cache_usage_perc, vllm:gpu_cache_usage_perc\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace tidegate
