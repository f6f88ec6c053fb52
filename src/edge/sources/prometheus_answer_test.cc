#include "edge/sources/prometheus_answer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tidegate {
namespace {

std::string vector_of(const std::string& series) {
  return R"({"status":"success","data":{"resultType":"vector","result":[)" + series + "]}}";
}

TEST(PrometheusAnswer, OneNumber) {
  const auto one = parse_query_answer(vector_of(R"({"metric":{},"value":[1700000000.5,"41.5"]})"), AnswerCombine::sum);
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->value, 41.5);
  EXPECT_EQ(one->at, 1700000000.5);
  const auto scalar = parse_query_answer(
      R"({"status":"success","data":{"resultType":"scalar","result":[1700000000,"3"]}})", AnswerCombine::sum);
  ASSERT_TRUE(scalar);
  EXPECT_EQ(scalar->value, 3);
}

TEST(PrometheusAnswer, SeveralSeriesAreCombinedAsAsked) {
  const std::string body = vector_of(
      R"({"metric":{"a":"1"},"value":[10,"1"]},{"metric":{"a":"2"},"value":[5,"4"]},{"metric":{},"value":[9,"1"]})");
  EXPECT_EQ(parse_query_answer(body, AnswerCombine::sum)->value, 6);
  EXPECT_EQ(parse_query_answer(body, AnswerCombine::mean)->value, 2);
  EXPECT_EQ(parse_query_answer(body, AnswerCombine::max)->value, 4);
  EXPECT_EQ(parse_query_answer(body, AnswerCombine::sum)->at, 5) << "the oldest";
  const std::string with_nan = vector_of(R"({"metric":{},"value":[1,"NaN"]},{"metric":{},"value":[1,"4"]})");
  for (auto how : {AnswerCombine::sum, AnswerCombine::mean, AnswerCombine::max})
    EXPECT_TRUE(std::isnan(*parse_query_answer(with_nan, how)->value));
}

TEST(PrometheusAnswer, EmptyIsNoNumber) {
  const auto empty = parse_query_answer(vector_of(""), AnswerCombine::sum);
  ASSERT_TRUE(empty);
  EXPECT_FALSE(empty->value);
}

TEST(PrometheusAnswer, ErrorsAreInItsOwnWords) {
  const auto bad = parse_query_answer(
      R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error"})",
      AnswerCombine::sum);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::invalid);
  EXPECT_EQ(bad.error().message, "Prometheus says bad_data: invalid parameter \"query\": 1:4: parse error");
}

TEST(PrometheusAnswer, RefusesWhatIsNoNumber) {
  for (const char* body :
       {"", "<html>", "[]", "{}", R"({"status":"success"})", R"({"status":"success","data":{"resultType":"vector"}})",
        R"({"status":"success","data":{"resultType":"matrix","result":[]}})",
        R"({"status":"success","data":{"resultType":"string","result":[1,"x"]}})",
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}})",
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}})",
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}})",
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"one"]}]}})"})
    EXPECT_FALSE(parse_query_answer(body, AnswerCombine::sum)) << body;
}

TEST(PrometheusAnswer, LabelValuesCannotBreakOut) {
  EXPECT_EQ(promql_quoted("plain"), "\"plain\"");
  EXPECT_EQ(promql_quoted("a\"} or up{x=\"\\"), R"("a\"} or up{x=\"\\")");
  EXPECT_EQ(promql_quoted("a\nb"), "\"a\\nb\"");
}

}  // namespace
}  // namespace tidegate
