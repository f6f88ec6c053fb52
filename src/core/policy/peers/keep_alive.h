// Keep-alive(K): the size follows the need at once, and an idle replica is kept K. What serverless GPU platforms do.
//
//   load = in flight and queued;  C = requests a replica serves at once
//   need = max(ceil(mean load of the last window / (C utilization)), on_demand ? ceil(load / C) : 0)
//   floor = need
//   ceiling, release 1: the highest need within `keep`; each replica is given up K after its own last use (LIFO)
//   ceiling, release r: when need stayed below the size for `keep`, the size less ceil(r * excess); then again
//
// Worked: 25 in flight on replicas of 10 at utilization 0.7: ceil(25 / 7) = 4. Size 9, need 2, release 0.5: after
// `keep` 9 - ceil(3.5) = 5, after another 3.
//
// With K the cold start's own length this is ski rental: at most twice the best. Knows no cost and no forecast.
// Without a reading of the load it keeps what is there.
#pragma once

#include "core/policy/highest_need.h"
#include "core/policy/peers/cloud_metric.h"
#include "core/policy/policy.h"

namespace tidegate {

struct KeepAliveMemory {
  bool started = false;
  PeriodMetric average;
  HighestNeed needs;
  double size = 0;  // with a release below 1
  Instant below_since{};

  friend bool operator==(const KeepAliveMemory&, const KeepAliveMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(started, average, needs, size, below_since);
  }
};

[[nodiscard]] Proposal propose(const KeepAlivePolicy& policy, KeepAliveMemory& memory, const PolicyInput& input);

}  // namespace tidegate
