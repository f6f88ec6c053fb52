// Kubernetes HorizontalPodAutoscaler v2 on one metric with an AverageValue target, with behaviours
// (kubernetes/kubernetes, pkg/controller/podautoscaler, mid-2026).
//
//   every sync period, on the value of `metric_delay` ago:
//     ratio   = value / (target * replicas);  within 1 +- tolerance: keep
//     desired = ceil(value / target)
//   up, down  = min, max of the desired sizes within the stabilisation windows; keep what lies between
//   then the rate: at most max(start + pods, ceil(start * (1 + percent / 100))) above the size `up_period` ago,
//   and trunc(start * (1 - percent / 100)) below it
//
// Worked: value 64, target 8, 4 replicas: ratio 2, desired 8; start 4, pods 4, percent 100: limit 8.
// Replicas on their way count in `replicas`; it has no notion of capacity under way, of cost or of an SLO.
// A metric that cannot be read keeps the size.
#pragma once

#include <cstdint>
#include <vector>

#include "core/policy/policy.h"

namespace tidegate {

struct HpaMemory {
  struct Sample {
    Instant at{};
    Reading value;
    friend bool operator==(const Sample&, const Sample&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(at, value);
    }
  };
  struct Size {
    Instant at{};
    std::int32_t replicas = 0;  // of a recommendation; a change, when an event
    friend bool operator==(const Size&, const Size&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(at, replicas);
    }
  };
  bool started = false;
  Instant synced{};
  std::int32_t desired = 0;
  bool had_value = false;
  std::vector<Sample> pipeline;       // on their way through scrape and aggregation, oldest first
  std::vector<Size> recommendations;  // oldest first
  std::vector<Size> events;           // changes made

  friend bool operator==(const HpaMemory&, const HpaMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(started, synced, desired, had_value, pipeline, recommendations, events);
  }
};

[[nodiscard]] Proposal propose(const HpaPolicy& policy, HpaMemory& memory, const PolicyInput& input);

}  // namespace tidegate
