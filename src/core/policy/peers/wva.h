// The llm-d Workload Variant Autoscaler (WVA, commit of February 2026), and the HPA that carries its answer out.
//
//   every `interval`, and not while a change is under way (all but queueing_model):
//   saturation_v1, on the highest KV share and queue per replica of the last minute; spare = 0.8 - kv, 5 - queue:
//     +1 when spare kv < 0.1 or spare queue < 3, or all replicas are saturated (kv >= 0.8 or queue >= 5)
//     -1 when, of N >= 2, the load times N / (N - 1) would keep both margins
//   saturation_v2, in KV shares; k = min(0.8, mean KV share of the last 10 times the queue was full); D = KV of all
//   and what waits:   + ceil((D / 0.85 - (N + pending) k) / k), or - floor((N k - D / 0.7) / k)
//   queueing_model:   ceil(rate / lambda*), lambda* the most a replica takes within the SLO (state_dependent_queue.h)
//   the answer is seen `metric_delay` later by an HPA, every 15 s, with its two stabilisation windows
//
// Worked (v1): 4 replicas, kv 0.72: spare 0.08, so 5. At kv 0.5, queue 0: 0.5 * 4 / 3 = 0.67, spare 0.13, so 3.
// Worked (v2): N = 4, kv 0.8 and nothing waits: D = 3.2, k = 0.8: (3.76 - 3.2) / 0.8 = 0.71, so 5.
//
// Replicas are taken as equally loaded. Without a KV reading the slots in use stand for it. The tuner of its queueing
// model (an extended Kalman filter) is our learned capacity; output-length buckets of v2 are one. Means, no
// percentiles. With `retention`, no request within it means zero; from zero a waiting request means one at once (the
// gateway is polled every 100 ms). The chain in front of v1 and v2 - scrape, rule, adapter, HPA - is what makes it
// slow.
#pragma once

#include <array>
#include <vector>

#include "core/policy/highest_need.h"
#include "core/policy/peers/exact_size.h"

namespace tidegate {

struct WvaMemory {
  struct Answer {
    Instant at{};
    double replicas = 0;
    friend bool operator==(const Answer&, const Answer&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(at, replicas);
    }
  };
  ExactSize size;
  HighestNeed kv;  // shares of all replicas together, over a minute
  HighestNeed queue;
  Instant analyzed{};
  Instant synced{};     // the HPA
  Instant busy_last{};  // when there last was a request
  double requests = 0;  // since `analyzed`
  std::vector<double> full_kv;
  std::vector<Answer> answers;          // on their way to the HPA, oldest first
  std::vector<Answer> recommendations;  // within its windows
  double wanted = 0;                    // the newest answer it has seen
  std::array<double, 5> modelled{};     // what lambda* was computed for, and lambda*

  friend bool operator==(const WvaMemory&, const WvaMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(size, kv, queue, analyzed, synced, busy_last, requests, full_kv, answers, recommendations, wanted, modelled);
  }
};

[[nodiscard]] Proposal propose(const WvaPolicy& policy, WvaMemory& memory, const PolicyInput& input);

}  // namespace tidegate
