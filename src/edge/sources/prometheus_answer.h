// Reads what a Prometheus server answers to an instant query (/api/v1/query).
//
// A scalar or a vector is one number. A vector of several series is combined by what is measured: counts and rates
// add up, ratios are averaged, and of latency percentiles the largest counts, since percentiles do not add. An empty
// vector is no number and no zero. NaN stays NaN, and so does what a NaN was combined into. A matrix, a string and
// native histograms are errors: the query has to be written so that it gives numbers. An error of the server is
// reported in its own words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace tidegate {

enum class AnswerCombine : std::uint8_t { sum, mean, max };

struct QueryAnswer {
  std::optional<double> value;  // none: the vector was empty
  double at = 0;                // seconds since 1970, as the server says; of the oldest series
  std::size_t series = 0;
};

[[nodiscard]] Result<QueryAnswer> parse_query_answer(std::string_view body, AnswerCombine combine);

// A label value for a PromQL selector, quotes and all: escapes what would end it. `{model="..."}`.
[[nodiscard]] std::string promql_quoted(std::string_view label_value);

}  // namespace tidegate
