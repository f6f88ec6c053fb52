// The NVIDIA Dynamo planner for aggregated engines (ai-dynamo/dynamo, August 2026): two loops on one size.
//
//   throughput loop, every 180 s (only with `sla`):
//     replicas = max(ceil(forecast requests a second / engine_rps), min_endpoint)       one step ahead
//   load loop, every 5 s, always one replica at a time and nothing while replicas start or stop:
//     throughput, latency, load:  u = KV in use and queued / KV of a replica
//        +1 while u > 1.0 (latency 0.4), -1 while u < 0.6 (latency 0.1)
//     sla:  +1 while the queue takes longer than the TTFT allows, or a replica serves more at once than the ITL allows
//           -1 while with one replica less both would stay within `load_scaling_down_sensitivity` of that
//   with both loops the throughput loop's answer is the floor, and the load loop bursts above it
//
// Worked: 2700 requests forecast for 180 s, engine_rps 4: ceil(15 / 4) = 4. Load loop on 4 replicas at u = 1.1: 5.
// With a start-up of 120 s, four more replicas take eight minutes.
//
// The planner knows an engine's rate from profiling; here that is the learned capacity, unless `engine_rps` is given.
// Lengths of prompts and answers come in through it, not as forecasts of their own. Replicas are taken as equally
// loaded, so "all engines" (sla) and "any engine" (else) are one. Metrics are per iteration, so no delay; counts are of
// arrivals, of completions where those are unknown; what is missing is zero to it. It never leaves zero, and its
// max_gpu_budget of 8 is the service's own maximum here.
#pragma once

#include "core/policy/peers/exact_size.h"
#include "core/policy/peers/load_predictor.h"

namespace tidegate {

struct DynamoMemory {
  ExactSize size;
  Instant counted{};  // when the throughput loop last ran
  Instant looked{};   // ... and the load loop
  double requests = 0;
  LoadPredictor predictor;
  double lower_bound = 0;

  friend bool operator==(const DynamoMemory&, const DynamoMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(size, counted, looked, requests, predictor, lower_bound);
  }
};

[[nodiscard]] Proposal propose(const DynamoPolicy& policy, DynamoMemory& memory, const PolicyInput& input);

}  // namespace tidegate
