#include "core/policy/peers/fixed.h"

namespace tidegate {

Proposal propose(const StaticPolicy& policy, const PolicyInput&) {
  const WeightedReplicas fixed{static_cast<double>(policy.replicas.value())};
  return {.band = {.floor = fixed, .ceiling = fixed}, .note = "static"};
}

}  // namespace tidegate
