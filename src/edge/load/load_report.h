// What a load found, as data, as text for people and as JSON for scripts.
//
// Every time is measured from the instant a request should have been sent, so a server that stalls cannot hide
// behind a client that waits (coordinated omission). Latencies are of requests that succeeded; attainment is of
// all requests, those that failed have missed. What was not measured is absent (null), never zero.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/model/slo.h"
#include "edge/load/latency_histogram.h"

namespace tidegate {

struct ObjectiveResult {
  Objective objective;
  std::optional<double> attained;              // share of requests within the bound
  std::optional<double> attained_after_first;  // of those due after the first success
  // The share asked for was reached; not when nothing was measured.
  [[nodiscard]] bool is_met() const { return attained && *attained >= fraction(objective.percentile); }
};

struct LoadReport {
  std::uint64_t requests = 0;  // sent and ended, well or badly
  std::uint64_t errors = 0;
  std::uint64_t cancelled = 0;  // given up when the load was interrupted; in no other number
  std::map<std::string, std::uint64_t> errors_by_kind;
  std::map<int, std::uint64_t> statuses;

  std::optional<double> slo_attainment;          // share that met every objective
  std::optional<double> attainment_after_first;  // of those due after the first success
  std::optional<Duration> first_success;         // since the start
  std::vector<ObjectiveResult> objectives;

  LatencyHistogram ttft, latency, queue, itl;
  std::uint64_t output_tokens = 0;  // events that carried one

  Duration duration{};           // from the first request's time to the last end
  double sent_rate = 0;          // requests per second
  std::uint64_t late_sends = 0;  // more than 20 ms behind their time
  Duration late_most{};
  std::uint64_t in_flight_most = 0;
  std::uint64_t connections = 0;  // opened
  std::uint64_t sent_again = 0;   // on a kept connection the server had closed meanwhile
  bool interrupted = false;

  [[nodiscard]] bool is_met() const;
};

[[nodiscard]] std::string to_json(const LoadReport& report);
[[nodiscard]] std::string to_text(const LoadReport& report);

}  // namespace tidegate
