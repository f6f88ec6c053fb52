#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lab/report/comparison_json.h"
#include "lab/report/report_page.h"
#include "lab/report/svg_chart.h"

namespace tidegate {
namespace {

SimulationResult example_result(std::uint64_t within, double hours) {
  SimulationResult result{.policy = "slo", .trace = "a<b>.csv", .seed = 3};
  result.requests = 1000;
  result.ttft = result.latency = result.queue = {.p50 = 100ms, .p90 = 200ms, .p95 = 300ms, .p99 = 400ms};
  result.within = within;
  result.replica_hours = hours;
  result.ttft = result.latency = result.queue = {.p50 = 1s, .p90 = 2s, .p95 = 3s, .p99 = 4s};
  for (int minute = 0; minute < 120; ++minute)
    result.series.add(minute * 1min, {.arrivals = 10,
                                      .ended = 10,
                                      .within = 9,
                                      .need = 2,
                                      .band = {.floor = WeightedReplicas{2}, .ceiling = WeightedReplicas{4}},
                                      .ready = 3});
  return result;
}

Comparison example_comparison() {
  Comparison comparison;
  comparison.traces = {"a<b>.csv"};
  comparison.contestants = {{.name = "slo"}, {.name = "hpa", .knobs = {{"target_average", "6"}}}};
  comparison.bounds.push_back({.trace = 0, .lazy_hours = 70, .ski_rental_hours = 90});
  comparison.bounds[0].clairvoyant.plays = {{.planned_hours = 79, .result = example_result(990, 80)}};
  comparison.bounds[0].rate_oracle.plays = {{.planned_hours = 84, .result = example_result(990, 85)}};
  comparison.runs = {{.job = {.contestant = 0}, .result = example_result(990, 88)},
                     {.job = {.contestant = 1}, .result = example_result(999, 100)}};
  relate(comparison);
  return comparison;
}

std::size_t count(const std::string& text, std::string_view word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(SvgChart, AThinnedSeriesKeepsItsPeak) {
  Chart chart{.title = "x", .width = 300};
  chart.series = {{.label = "rate", .x = {}, .y = {}}};
  for (int i = 0; i < 100'000; ++i) {
    chart.series[0].x.push_back(i);
    chart.series[0].y.push_back(i == 54'321 ? 100 : 1);
  }
  const auto svg = to_svg(chart);
  EXPECT_LT(svg.size(), 30'000U);
  Chart flat = chart;
  flat.series[0].y[54'321] = 1;
  EXPECT_NE(to_svg(flat), svg);
}

TEST(SvgChart, GapsAndEmptyChartsAreDrawn) {
  Chart chart{.title = "x"};
  EXPECT_NE(to_svg(chart).find("</svg>"), std::string::npos);
  chart.series = {{.x = {0, 1, 2, 3}, .y = {1, std::numeric_limits<double>::quiet_NaN(), 2, 3}}};
  const auto svg = to_svg(chart);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(Reports, AskNobodyForAnything) {
  for (const auto& text : {simulation_page(example_result(990, 88)), comparison_page(example_comparison())}) {
    for (const auto* outside : {"http://", "https://", "<script", "<link", "@import", "url("})
      EXPECT_EQ(text.find(outside), std::string::npos) << outside;
    EXPECT_EQ(text.find("a<b>"), std::string::npos);
    EXPECT_NE(text.find("a&lt;b&gt;.csv"), std::string::npos);
    EXPECT_EQ(count(text, "<svg"), count(text, "</svg>"));
    EXPECT_EQ(text.find("nan"), std::string::npos);
  }
  EXPECT_EQ(count(simulation_page(example_result(990, 88)), "<svg"), 3U);
  EXPECT_EQ(count(comparison_page(example_comparison()), "<svg"), 3U);
}

// Samples hold means over their ticks, and are drawn as they are.
TEST(Reports, LookAlikeHoweverOftenItWasDecided) {
  const auto played = [](int ticks) {
    SimulationResult result{.policy = "slo", .trace = "a.csv", .seed = 1};
    for (int tick = 0; tick < 30 * ticks; ++tick)
      result.series.add(tick * 60s / ticks, {.arrivals = 60.0 / ticks,
                                             .ended = 60.0 / ticks,
                                             .within = 60.0 / ticks,
                                             .need = 2,
                                             .band = {.floor = WeightedReplicas{2}, .ceiling = WeightedReplicas{4}},
                                             .ready = 3,
                                             .warming = 1,
                                             .queued = 5});
    return simulation_page(result);
  };
  EXPECT_EQ(played(1), played(60));
}

TEST(ComparisonJson, HasTheKeysOthersRelyOn) {
  const auto json = to_json(example_comparison(), {1500ms});
  EXPECT_TRUE(
      json.starts_with(R"({"attainment":0.99,"clairvoyant":{"policy":"clairvoyant","trace":"a<b>.csv","seed":3,)"))
      << json.substr(0, 200);
  for (const auto* key : {R"("rate_oracle":{)", R"("runs":[{"policy":"slo")", R"("knobs":{"target_average":"6"})",
                          R"("relative_to_clairvoyant":1.1)", R"("frontier":[{)", R"("wall_seconds":1.5)",
                          R"("slo_attainment":0.99)", R"("ttft_seconds":{"p50":)"})
    EXPECT_NE(json.find(key), std::string::npos) << key;
  Comparison bare = example_comparison();
  bare.bounds.clear();
  relate(bare);
  EXPECT_NE(to_json(bare, {}).find(R"("clairvoyant":null)"), std::string::npos);
}

}  // namespace
}  // namespace tidegate
