#include "edge/sources/prometheus_source.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <mutex>

#include "edge/machine/system_clock.h"
#include "edge/net/testing/fake_http_server.h"
#include "edge/sources/testing/await.h"

namespace tidegate {
namespace {

QuerySpec query_to(const FakeHttpServer& server, const std::string& text) {
  return {.signal = Signal::in_flight,
          .query = text,
          .server = {.url = server.url("/prom/"), .period = 50ms, .timeout = 2s}};
}

std::string answer(const SystemClock& clock, const std::string& value, Duration age = {}) {
  return fmt::format(
      R"({{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[{:.3f},"{}"]}}]}}}})",
      seconds(clock.now() - age), value);
}
constexpr const char* empty = R"({"status":"success","data":{"resultType":"vector","result":[]}})";

ServiceSpec chat_with(std::vector<QuerySpec> queries) {
  ServiceSpec spec{.name = "chat"};
  spec.signals.queries = std::move(queries);
  return spec;
}

// The first sample that a source with this one query has.
Sample first_sample(const QuerySpec& query, const SystemClock& clock) {
  PrometheusSource source{clock};
  EXPECT_TRUE(source.configure({chat_with({query})}));
  EXPECT_TRUE(await([&] { return !source.latest().empty(); }));
  auto samples = source.latest();
  return samples.empty() ? Sample{} : samples.front();
}

TEST(PrometheusSource, AsksAndPassesTheNumberOn) {
  SystemClock clock;
  FakeHttpServer server{[&](const std::string&) { return http_answer(200, answer(clock, "41")); }};
  QuerySpec query = query_to(server, "sum(up{a=\"b c\"})");
  query.server.bearer_token = Value{"s3cret"};
  const Sample sample = first_sample(query, clock);
  EXPECT_EQ(sample.quality, Quality::fresh) << sample.cause;
  EXPECT_EQ(sample.value, (decltype(sample.value){Gauge{41}}));
  EXPECT_EQ(sample.origin, Origin::query);
  EXPECT_TRUE(sample.replica.empty());
  const std::string request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /prom/api/v1/query HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("Bearer s3cret"), std::string::npos);
  EXPECT_NE(request.find("query=sum%28up%7Ba%3D%22b%20c%22%7D%29&timeout=2000ms"), std::string::npos) << request;
}

TEST(PrometheusSource, EmptyNanStaleAndErrorsStayApart) {
  SystemClock clock;
  std::mutex mutex;  // the server's threads outlive a question that was cut short
  std::string text = empty;
  int code = 200;
  const auto now_answers = [&](int next_code, std::string next_text) {
    const std::scoped_lock lock{mutex};
    code = next_code;
    text = std::move(next_text);
  };
  FakeHttpServer server{[&](const std::string&) {
    const std::scoped_lock lock{mutex};
    return http_answer(code, text);
  }};
  QuerySpec query = query_to(server, "sum(x)");
  const Sample absent = first_sample(query, clock);
  EXPECT_EQ(absent.quality, Quality::absent);
  EXPECT_EQ(absent.cause, "no series answers to sum(x)");
  query.when_empty = 0;
  const Sample zero = first_sample(query, clock);
  EXPECT_EQ(zero.quality, Quality::fresh);
  EXPECT_EQ(zero.value, (decltype(zero.value){Gauge{0}}));
  now_answers(200, answer(clock, "NaN"));
  EXPECT_EQ(first_sample(query, clock).quality, Quality::nan) << "when_empty is for empty, not for NaN";
  now_answers(200, answer(clock, "5", 60s));
  const Sample old = first_sample(query, clock);
  EXPECT_EQ(old.quality, Quality::stale);
  EXPECT_EQ(old.value, (decltype(old.value){Gauge{5}}));
  now_answers(400,
              R"({"status":"error","errorType":"bad_data","error":"1:4: parse error: unclosed left parenthesis"})");
  const Sample bad = first_sample(query, clock);
  EXPECT_EQ(bad.quality, Quality::error);
  EXPECT_EQ(bad.cause, "Prometheus says bad_data: 1:4: parse error: unclosed left parenthesis");
  now_answers(401, "Unauthorized");
  const Sample denied = first_sample(query, clock);
  EXPECT_EQ(denied.quality, Quality::error);
  EXPECT_NE(denied.cause.find("answered 401"), std::string::npos) << denied.cause;
}

TEST(PrometheusSource, WhatIsAskedOnKeepsItsAnswerAndWhatIsNotIsForgotten) {
  const SystemClock clock;
  FakeHttpServer server{[&](const std::string&) { return http_answer(200, answer(clock, "5")); }};
  PrometheusSource source{clock};
  auto slow = query_to(server, "stays");
  slow.server.period = 1h;
  ASSERT_TRUE(source.configure({chat_with({slow})}));
  ASSERT_TRUE(await([&] { return source.latest().size() == 1; }));
  ASSERT_TRUE(source.configure({chat_with({slow, query_to(server, "new")})}));
  EXPECT_GE(source.latest().size(), 1U) << "no gap";
  ASSERT_TRUE(await([&] { return source.latest().size() == 2; }));
  slow.query = "another";
  ASSERT_TRUE(source.configure({chat_with({slow})}));
  ASSERT_TRUE(await([&] { return source.latest().size() == 1; })) << "asked at once, whatever its period";
  ASSERT_TRUE(source.configure({}));
  EXPECT_TRUE(source.latest().empty());
}

TEST(PrometheusSource, AMissingSecretIsTheCause) {
  SystemClock clock;
  FakeHttpServer server{[&](const std::string&) { return http_answer(200, answer(clock, "1")); }};
  QuerySpec query = query_to(server, "up");
  query.server.bearer_token = Value{EnvRef{"TIDEGATE_TEST_NO_SUCH_VARIABLE"}};
  const Sample sample = first_sample(query, clock);
  EXPECT_EQ(sample.quality, Quality::error);
  EXPECT_NE(sample.cause.find("TIDEGATE_TEST_NO_SUCH_VARIABLE"), std::string::npos);
  EXPECT_TRUE(server.requests().empty()) << "never asked without the token";
}

TEST(PrometheusQuestions, QueriesAndTraffic) {
  ServiceSpec spec;
  spec.name = "chat";
  spec.signals.queries = {{.signal = Signal::custom, .name = "lag", .query = "a"}};
  spec.signals.traffic = TrafficSpec{.arrivals = "b"};
  const std::vector<ServiceSpec> services{spec, ServiceSpec{}};
  const auto questions = prometheus_questions(services);
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(questions[0].origin, Origin::query);
  EXPECT_EQ(questions[1].origin, Origin::traffic);
  EXPECT_EQ(questions[1].query.signal, Signal::arrivals);
  EXPECT_EQ(combine_of({.signal = Signal::arrivals}), AnswerCombine::sum);
  EXPECT_EQ(combine_of({.signal = Signal::kv_usage}), AnswerCombine::mean);
  EXPECT_EQ(combine_of({.signal = Signal::custom, .name = "ttft_p99"}), AnswerCombine::max);
}

}  // namespace
}  // namespace tidegate
