// The parts that all answers of Prometheus' query API share: the envelope and the pairs of time and number in it. Only
// for the files that read such answers.
#pragma once

#include <simdjson.h>

#include <string_view>

#include "core/base/error.h"

namespace tidegate {

// What came is no answer of Prometheus' query API.
[[nodiscard]] std::unexpected<Error> no_prometheus_answer(std::string_view what);

struct PrometheusPoint {
  double at = 0;  // seconds since 1970
  double value = 0;
};
[[nodiscard]] Result<PrometheusPoint> prometheus_point_of(simdjson::dom::element pair);

struct PrometheusResult {
  std::string_view type;  // "vector", "matrix", ...
  simdjson::dom::element content;
};
// Lives as long as the parser and nothing else is parsed with it. An error of the server is in its own words.
[[nodiscard]] Result<PrometheusResult> prometheus_result_of(simdjson::dom::parser& parser, std::string_view body);

}  // namespace tidegate
