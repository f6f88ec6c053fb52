#include "edge/sources/prometheus_answer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>

#include "edge/net/http_client.h"
#include "edge/sources/exposition.h"

namespace tidegate {

namespace {

namespace dom = simdjson::dom;

std::unexpected<Error> unreadable(std::string_view what) {
  return fail(ErrorKind::failed,
              fmt::format("the answer is none of Prometheus ({}); does the URL lead to a Prometheus server?", what));
}

struct Point {
  double at = 0;
  double value = 0;
};

Result<Point> point_of(dom::element pair) {
  dom::array fields;
  if (pair.get_array().get(fields) || fields.size() != 2) return unreadable("a value that is no pair");
  Point point;
  std::string_view text;
  if (fields.at(0).get_double().get(point.at) || fields.at(1).get_string().get(text))
    return unreadable("a value that is no pair of time and text");
  const auto value = parse_sample_value(text);
  if (!value) return unreadable("a value that is no number");
  point.value = *value;
  return point;
}

class Combination {
 public:
  explicit Combination(AnswerCombine how) : how_(how) {}

  void add(const Point& point) {
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
    const auto point = point_of(content);
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
  if (content.get_array().get(series)) return unreadable("a vector that is no list");
  for (dom::element one : series) {
    dom::element pair;
    if (one["value"].get(pair)) {
      if (dom::element histogram; !one["histogram"].get(histogram))
        return fail(ErrorKind::invalid,
                    "the query gives native histograms; write it so that it gives numbers, with "
                    "histogram_quantile() or histogram_count()");
      return unreadable("a series without a value");
    }
    const auto point = point_of(pair);
    if (!point) return std::unexpected(point.error());
    whole.add(*point);
  }
  return whole.answer();
}

}  // namespace

Result<QueryAnswer> parse_query_answer(std::string_view body, AnswerCombine combine) {
  dom::parser parser;
  dom::element root;
  if (parser.parse(simdjson::padded_string{body}).get(root)) return unreadable("not JSON");
  std::string_view status;
  if (root["status"].get_string().get(status)) return unreadable("no status");
  if (status != "success") {
    std::string_view kind = "error", message;
    if (root["error"].get_string().get(message)) return unreadable("an error without a message");
    if (root["errorType"].get_string().get(kind)) kind = "error";
    return fail(kind == "bad_data" ? ErrorKind::invalid : ErrorKind::failed,
                fmt::format("Prometheus says {}: {}", printable_excerpt(kind), printable_excerpt(message)));
  }
  dom::element content;
  std::string_view type;
  if (root["data"]["resultType"].get_string().get(type) || root["data"]["result"].get(content))
    return unreadable("no result");
  return answer_of(content, type, combine);
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
