// Asks a Prometheus server for a stretch of the past (/api/v1/query_range): a query's value at from, from + step, ...
//
// Prometheus refuses more than 11,000 points a series in one answer, and long stretches may take it long; so a question
// goes in pieces of at most `points_at_once`, one after the other, each within the server's time-out. Memory is bounded
// by `values_most`. Where a series has no sample Prometheus leaves the point out: NaN here, as a NaN of its own.
// Native histograms are an error, and so is an error of the server, in its own words.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"
#include "core/model/source_spec.h"
#include "edge/net/http_client.h"

namespace tidegate {

struct RangeQuestion {
  static constexpr std::size_t steps_most = 1'000'000;

  PrometheusServerSpec server;
  std::string query;
  Instant from{};         // whole seconds
  Duration step = 1min;   // whole seconds
  std::size_t steps = 0;  // points, the one at `from` included
};

using MetricLabels = std::map<std::string, std::string, std::less<>>;

struct RangeSeries {
  MetricLabels labels;
  std::vector<double> values;  // one a step
};

// The answers of a question, put together piece by piece.
class RangeAnswer {
 public:
  static constexpr std::size_t values_most = 4'000'000;

  explicit RangeAnswer(const RangeQuestion& question) : question_(question) {}
  [[nodiscard]] Result<void> add(std::string_view body);
  [[nodiscard]] std::vector<RangeSeries> take();  // ordered by their labels

 private:
  const RangeQuestion& question_;
  std::map<MetricLabels, std::vector<double>> series_;
};

inline constexpr std::size_t points_at_once = 2000;

// Told after each piece how many of all points are there.
using RangeProgress = std::function<void(std::size_t points)>;

[[nodiscard]] Result<std::vector<RangeSeries>> ask_prometheus_range(HttpClient& client, const RangeQuestion& question,
                                                                    std::stop_token stop = {},
                                                                    const RangeProgress& progress = {});

// The longest [5m] in a query: how far back what it answers at an instant reaches. Zero without any.
[[nodiscard]] Duration window_of_query(std::string_view query);

}  // namespace tidegate
