// Where a service's measurements come from: data for edge/sources.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/model/secret.h"
#include "core/model/signal.h"

namespace tidegate {

// The replicas' own metrics pages, read by a preset's names ("vllm").
struct PresetSpec {
  std::string preset = "vllm";
  std::string port = "http";  // "http": the replica's own port; else a number
  std::string path;           // empty: the preset's
  Duration period = 1s;

  friend bool operator==(const PresetSpec&, const PresetSpec&) = default;
};

struct PrometheusServerSpec {
  Value url;
  std::optional<Value> bearer_token;
  Duration period = 5s;
  Duration timeout = 4s;

  friend bool operator==(const PrometheusServerSpec&, const PrometheusServerSpec&) = default;
};

// One explicit signal: a PromQL query whose (summed) instant value is the reading.
struct QuerySpec {
  Signal signal = Signal::custom;
  std::string name;  // for custom signals and latency percentiles ("ttft_p99")
  std::string query;
  PrometheusServerSpec server;
  std::optional<double> when_empty;  // an empty answer is absent unless the user says what it means

  friend bool operator==(const QuerySpec&, const QuerySpec&) = default;
};

// traffic: a rate (requests per second) seen by somebody else's ingress.
struct TrafficSpec {
  PrometheusServerSpec server;
  std::string arrivals;  // PromQL, requests per second

  friend bool operator==(const TrafficSpec&, const TrafficSpec&) = default;
};

struct SignalsSpec {
  std::optional<PresetSpec> preset;
  std::vector<QuerySpec> queries;
  std::optional<TrafficSpec> traffic;

  friend bool operator==(const SignalsSpec&, const SignalsSpec&) = default;
};

}  // namespace tidegate
