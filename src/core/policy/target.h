// Proportional on one signal, as every ratio-based scaler:
//
//   need = value / target                 the signal's total, shared by the replicas (per_replica)
//   need = ready * value / target         the signal is an average already
//
//   floor   = need, or what is there while need is within the tolerance of it
//   ceiling = highest need over `hold_down`, and never below the floor
//
// Worked: in_flight 64, target 8 -> 8 replicas. A value that only some replicas reported may raise, not lower.
#pragma once

#include "core/policy/highest_need.h"
#include "core/policy/policy.h"

namespace tidegate {

struct TargetMemory {
  HighestNeed needs;

  friend bool operator==(const TargetMemory&, const TargetMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(needs);
  }
};

[[nodiscard]] Proposal propose(const TargetPolicy& policy, TargetMemory& memory, const PolicyInput& input);

}  // namespace tidegate
