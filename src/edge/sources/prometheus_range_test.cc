#include "edge/sources/prometheus_range.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "edge/net/testing/fake_http_server.h"

namespace tidegate {
namespace {

const RangeQuestion four_minutes{.server = {.url = "http://127.0.0.1:9"},
                                 .query = "sum(rate(requests_total[5m]))",
                                 .from = instant_at(1'700'000'040),
                                 .step = 1min,
                                 .steps = 4};

std::string matrix_of(const std::string& series) {
  return R"({"status":"success","data":{"resultType":"matrix","result":[)" + series + "]}}";
}

TEST(PrometheusRange, PiecesAreOneSeries) {
  RangeAnswer answer{four_minutes};
  ASSERT_TRUE(answer.add(matrix_of(
      R"({"metric":{"pod":"b"},"values":[[1700000040,"1"],[1700000100,"2.5"]]},{"metric":{"pod":"a"},"values":[[1700000100,"7"]]})")));
  ASSERT_TRUE(answer.add(matrix_of(R"({"metric":{"pod":"b"},"values":[[1700000220,"NaN"]]})")));
  const auto series = answer.take();
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].labels, (MetricLabels{{"pod", "a"}}));
  EXPECT_TRUE(std::isnan(series[0].values[0])) << "no sample is no zero";
  EXPECT_EQ(series[0].values[1], 7);
  EXPECT_EQ(series[1].values[0], 1);
  EXPECT_EQ(series[1].values[1], 2.5);
  EXPECT_TRUE(std::isnan(series[1].values[2]));
  EXPECT_TRUE(std::isnan(series[1].values[3]));
}

TEST(PrometheusRange, NothingIsNoSeries) {
  RangeAnswer answer{four_minutes};
  ASSERT_TRUE(answer.add(matrix_of("")));
  EXPECT_TRUE(answer.take().empty());
}

TEST(PrometheusRange, RefusesWhatIsNoMatrix) {
  for (const std::string& body :
       {std::string{"<html>"}, std::string{R"({"status":"success","data":{"resultType":"vector","result":[]}})"},
        matrix_of(R"({"metric":{}})"), matrix_of(R"({"values":[]})"),
        matrix_of(R"({"metric":{},"histograms":[[1700000040,{}]]})"),
        matrix_of(R"({"metric":{},"values":[[1700000040,"x"]]})"),
        matrix_of(R"({"metric":{},"values":[[1700000040]]})"),
        matrix_of(R"({"metric":{},"values":[[1700000280,"1"]]})"),
        matrix_of(R"({"metric":{},"values":[[1600000000,"1"]]})"),
        std::string{R"({"status":"error","errorType":"execution","error":"query processing would load too many"})"}}) {
    RangeAnswer answer{four_minutes};
    const auto added = answer.add(body);
    ASSERT_FALSE(added) << body;
    EXPECT_FALSE(added.error().message.empty());
  }
}

TEST(PrometheusRange, TooManySeriesAreNotKept) {
  RangeQuestion long_one = four_minutes;
  long_one.steps = RangeAnswer::values_most / 2;
  RangeAnswer answer{long_one};
  ASSERT_TRUE(answer.add(matrix_of(R"({"metric":{"pod":"a"},"values":[]},{"metric":{"pod":"b"},"values":[]})")));
  const auto added = answer.add(matrix_of(R"({"metric":{"pod":"c"},"values":[]})"));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::too_large);
  EXPECT_NE(added.error().message.find("write sum() around it"), std::string::npos) << added.error().message;
}

// 5,000 points go as 2000, 2000 and 1000, the pieces touching without overlap.
TEST(PrometheusRange, ALongQuestionGoesInPieces) {
  FakeHttpServer server{[](const std::string& request) {
    const auto field = [&](const std::string& name) {
      const auto at = request.find("&" + name + "=");
      return std::stoll(request.substr(at + name.size() + 2));
    };
    std::string values;
    for (auto at = field("start"); at <= field("end"); at += field("step"))
      values += fmt::format("{}[{},\"{}\"]", values.empty() ? "" : ",", at, at % 997);
    return http_answer(200, matrix_of(R"({"metric":{},"values":[)" + values + "]}"));
  }};
  RangeQuestion question = four_minutes;
  question.server = {.url = server.url(), .timeout = 4s};
  question.step = 30s;
  question.steps = 5000;
  HttpClient client;
  std::vector<std::size_t> told;
  const auto series = ask_prometheus_range(client, question, {}, [&](std::size_t points) { told.push_back(points); });
  ASSERT_TRUE(series) << series.error().message;
  ASSERT_EQ(series->size(), 1U);
  for (std::size_t i = 0; i < 5000; ++i)
    ASSERT_EQ(series->front().values[i], static_cast<double>((1'700'000'040 + 30 * static_cast<long>(i)) % 997)) << i;
  EXPECT_EQ(told, (std::vector<std::size_t>{2000, 4000, 5000}));
  ASSERT_EQ(server.requests().size(), 3U);
  EXPECT_TRUE(server.requests()[0].starts_with("POST /api/v1/query_range ")) << server.requests()[0];
}

TEST(PrometheusRange, AServerThatFailsIsNamedOnce) {
  FakeHttpServer server{[](const std::string&) { return http_answer(503, "upstream is down"); }};
  RangeQuestion question = four_minutes;
  question.server = {.url = server.url(), .timeout = 4s};
  HttpClient client;
  const auto answer = ask_prometheus_range(client, question);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("503"), std::string::npos) << answer.error().message;
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(PrometheusRange, StoppingDoesNotWaitForTheServer) {
  FakeHttpServer server{[](const std::string&) { return FakeAnswer{.never = true}; }};
  RangeQuestion question = four_minutes;
  question.server = {.url = server.url(), .timeout = 1h};
  HttpClient client;
  std::stop_source stop;
  std::jthread stopper{[&] {
    while (server.requests().empty()) std::this_thread::yield();
    stop.request_stop();
  }};
  EXPECT_FALSE(ask_prometheus_range(client, question, stop.get_token()));
}

TEST(PrometheusRange, ReadsHowFarBackAQueryReaches) {
  EXPECT_EQ(window_of_query("sum(rate(a_total[5m]))"), 5min);
  EXPECT_EQ(window_of_query("sum(rate(a_total[90s])) + rate(b_total[1h30m])"), 90min);
  EXPECT_EQ(window_of_query("max_over_time(rate(a_total[1m])[10m:30s])"), 10min);
  EXPECT_EQ(window_of_query("up"), Duration::zero());
  EXPECT_EQ(window_of_query("x[$__rate_interval] + y[5x] + z["), Duration::zero());
  EXPECT_EQ(window_of_query("x[99999999999999y]"), Duration::zero());
}

}  // namespace
}  // namespace tidegate
