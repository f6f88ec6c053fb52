#include "edge/sources/prometheus_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "edge/sources/prometheus_body.h"

namespace tidegate {

namespace {

namespace dom = simdjson::dom;

class Combination {
 public:
  explicit Combination(AnswerCombine how) : how_(how) {}

  void add(const PrometheusPoint& point) {
    answer_.at = answer_.series == 0 ? point.at : std::min(answer_.at, point.at);
    ++answer_.series;
    if (how_ != AnswerCombine::max || answer_.series == 1)
      value_ += point.value;
    else
      value_ = std::isnan(value_) || value_ > point.value ? value_ : point.value;
  }
  [[nodiscard]] QueryAnswer answer() const {
    QueryAnswer answer = answer_;
    if (answer.series > 0)
      answer.value = how_ == AnswerCombine::mean ? value_ / static_cast<double>(answer.series) : value_;
    return answer;
  }

 private:
  AnswerCombine how_;
  QueryAnswer answer_;
  double value_ = 0;
};

Result<QueryAnswer> answer_of(dom::element content, std::string_view type, AnswerCombine combine) {
  Combination whole{combine};
  if (type == "scalar") {
    const auto point = prometheus_point_of(content);
    if (!point) return std::unexpected(point.error());
    whole.add(*point);
    return whole.answer();
  }
  if (type != "vector")
    return fail(ErrorKind::invalid,
                fmt::format("the query gives a {}; write it so that it gives numbers at one instant, with rate() or "
                            "sum() for a range",
                            type));
  dom::array series;
  if (content.get_array().get(series)) return no_prometheus_answer("a vector that is no list");
  for (dom::element one : series) {
    dom::element pair;
    if (one["value"].get(pair)) {
      if (dom::element histogram; !one["histogram"].get(histogram))
        return fail(ErrorKind::invalid,
                    "the query gives native histograms; write it so that it gives numbers, with "
                    "histogram_quantile() or histogram_count()");
      return no_prometheus_answer("a series without a value");
    }
    const auto point = prometheus_point_of(pair);
    if (!point) return std::unexpected(point.error());
    whole.add(*point);
  }
  return whole.answer();
}

}  // namespace

Result<QueryAnswer> parse_query_answer(std::string_view body, AnswerCombine combine) {
  dom::parser parser;
  const auto result = prometheus_result_of(parser, body);
  return result ? answer_of(result->content, result->type, combine) : std::unexpected(result.error());
}

std::string promql_quoted(std::string_view label_value) {
  std::string quoted = "\"";
  for (const char c : label_value) {
    if (c == '\\' || c == '"') quoted += '\\';
    if (c == '\n')
      quoted += "\\n";
    else
      quoted += c;
  }
  return quoted += '"';
}

}  // namespace tidegate
