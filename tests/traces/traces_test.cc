// The public traces in ../shared/traces, read whole: every row is understood, and the sums are those its README
// publishes. Skipped where the folder is missing.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "edge/files/byte_file.h"
#include "lab/sim/traffic.h"

namespace tidegate {
namespace {

const std::filesystem::path folder = std::filesystem::path(TIDEGATE_SOURCE_DIR) / "../shared/traces";

Result<TrafficSummary> summary_of(const std::string& name, const TrafficOptions& options = {}) {
  auto bytes = open_bytes((folder / name).string());
  if (!bytes) return std::unexpected(bytes.error());
  return summarize_traffic(*bytes, name, options);
}

struct Trace {
  std::string name;
  TrafficFormat format;
  double requests;    // as published
  double hours;       // span
  double peak_ratio;  // busiest ten minutes over the mean; 0: not published
};

// Section 1 of the folder's README; per_function: the sum of its rows, which is the total of the same day's rate file.
const std::vector<Trace> published{
    {"alibaba_genai26_qps.rate.csv.gz", TrafficFormat::rate, 121'773, 22.5, 0},
    {"autothrottle_diurnal.rate.csv.gz", TrafficFormat::rate, 945'292, 1, 1.32},
    {"autothrottle_noisy.rate.csv.gz", TrafficFormat::rate, 566'914, 1, 1.17},
    {"azure_functions_2019_500fn_8h.rate.csv.gz", TrafficFormat::rate, 3'037'902, 8, 1.09},
    {"azure_functions_2019_500fn_8h.perfunction.csv.gz", TrafficFormat::per_function, 3'037'902, 8, 1.09},
    {"azure_llm_2023_conv.requests.csv.gz", TrafficFormat::requests, 19'366, 58.0 / 60, 1.24},
    {"azure_llm_2024_code_week_digitised.rate.csv.gz", TrafficFormat::rate, 16'803'688, 168, 3.18},
    {"burstgpt1_daily.rate.csv.gz", TrafficFormat::rate, 1'429'737, 61 * 24, 0},
    {"mooncake_conversation.requests.csv.gz", TrafficFormat::requests, 12'031, 59.0 / 60, 1.07},
    {"mooncake_synthetic.requests.csv.gz", TrafficFormat::requests, 3'993, 17.0 / 60, 0},
    {"nab_aws_elb_request_count.rate.csv.gz", TrafficFormat::rate, 249'327, 14 * 24, 7.39},
    {"nab_tweets_AAPL.rate.csv.gz", TrafficFormat::rate, 1'360'453, 55.2 * 24, 139},
    {"nab_tweets_AMZN.rate.csv.gz", TrafficFormat::rate, 843'768, 55.0 * 24, 16.3},
    {"nab_tweets_CRM.rate.csv.gz", TrafficFormat::rate, 53'261, 55.2 * 24, 56.1},
    {"nab_tweets_FB.rate.csv.gz", TrafficFormat::rate, 282'006, 55.0 * 24, 50.8},
    {"nab_tweets_IBM.rate.csv.gz", TrafficFormat::rate, 69'774, 55.2 * 24, 25.4},
    {"nasa_http_1995_jul.rate.csv.gz", TrafficFormat::rate, 1'891'713, 27.6 * 24, 6.06},
    {"servegen_deepseek_r1.rate.csv.gz", TrafficFormat::rate, 1'383'669, 24, 2.66},
    {"servegen_deepseek_r1_reconstructed.requests.csv.gz", TrafficFormat::requests, 1'383'669, 24, 2.65},
    {"servegen_m_large.rate.csv.gz", TrafficFormat::rate, 236'892'826, 336, 2.98},
    {"servegen_m_large_smallclients_reconstructed.requests.csv.gz", TrafficFormat::requests, 1'813'301, 336, 105},
    {"servegen_m_mid.rate.csv.gz", TrafficFormat::rate, 2'299'080'804, 336, 1.81},
    {"twitter_stream_2021_08.rate.csv.gz", TrafficFormat::rate, 120'774'326, 22 * 24, 3.90},
};

class Traces : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no traces at " << folder;
  }
};

TEST_F(Traces, EveryFileHasTheRequestsItsReadmePublishes) {
  for (const auto& trace : published) {
    const auto summary = summary_of(trace.name);
    ASSERT_TRUE(summary) << summary.error().message;
    EXPECT_EQ(summary->format, trace.format) << trace.name;
    EXPECT_NEAR(summary->requests, trace.requests, 0.5) << trace.name;
    EXPECT_NEAR(seconds(summary->span()) / 3600, trace.hours, trace.hours * 0.02) << trace.name;
    // Published are the peaks of windows side by side; ours slide by a minute, so they find no less.
    if (trace.peak_ratio > 0) {
      const double mean = summary->requests / seconds(summary->span());
      EXPECT_GE(summary->peak_rate / mean, trace.peak_ratio * 0.99) << trace.name;
      EXPECT_LE(summary->peak_rate / mean, trace.peak_ratio * 1.2) << trace.name;
    }
  }
}

TEST_F(Traces, ATokenRateKeepsItsTokens) {
  const auto summary = summary_of("burstgpt1_week1.tokenrate.csv.gz", {.sizes = {100, 100, 0, 0}});
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_NEAR(summary->requests * 200, 16'953'018, 0.5);
}

TEST_F(Traces, EveryFileIsInTheTable) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (!name.ends_with(".gz") || name == "azure_functions_2019_9fn_1day.perfunction.csv.gz" ||
        name == "burstgpt1_week1.tokenrate.csv.gz")
      continue;
    EXPECT_TRUE(std::ranges::any_of(published, [&](const Trace& trace) { return trace.name == name; })) << name;
  }
}

// The requests made are those of the rows, at the rows' sizes.
TEST_F(Traces, RequestsAreMadeOfRows) {
  struct Case {
    std::string name;
    double scale;
    double requests;
  };
  for (const auto& [name, scale, requests] : {Case{"azure_llm_2023_conv.requests.csv.gz", 1, 19'366},
                                              Case{"azure_llm_2023_conv.requests.csv.gz", 4, 4 * 19'366},
                                              Case{"mooncake_conversation.requests.csv.gz", 1, 12'031},
                                              Case{"azure_functions_2019_9fn_1day.perfunction.csv.gz", 1, 0},
                                              Case{"autothrottle_noisy.rate.csv.gz", 1, 566'914}}) {
    auto bytes = open_bytes((folder / name).string());
    ASSERT_TRUE(bytes);
    const auto summary = summary_of(name);
    ASSERT_TRUE(summary) << summary.error().message;
    auto reader = TrafficReader::open(*bytes, name, {.scale = scale});
    ASSERT_TRUE(reader) << reader.error().message;
    double count = 0, input = 0;
    Duration before{};
    for (;;) {
      const auto next = reader->next();
      ASSERT_TRUE(next) << next.error().message;
      if (!*next) break;
      ASSERT_GE((*next)->at, before);
      before = (*next)->at;
      ++count;
      input += static_cast<double>((*next)->input_tokens);
    }
    EXPECT_EQ(count, requests > 0 ? requests : summary->requests) << name;
    if (!has_bins(reader->format())) {
      EXPECT_NEAR(input / count, summary->input_tokens, scale == 1 ? 1e-6 : 1e-3) << name;
    }
  }
}

}  // namespace
}  // namespace tidegate
