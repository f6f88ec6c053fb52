// Every policy answers with a band, never with a number: the least that must be there once the lead time has
// passed (floor) and the most still worth keeping over the hold time (ceiling), in weighted replicas.
#pragma once

#include "core/base/quantity.h"
#include "core/model/reason.h"

namespace tidegate {

struct Band {
  WeightedReplicas floor{0};
  WeightedReplicas ceiling{0};  // never below floor
  Reason floor_reason = Reason::steady;
  Reason ceiling_reason = Reason::steady;

  friend bool operator==(const Band&, const Band&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(floor, ceiling, floor_reason, ceiling_reason);
  }
};

}  // namespace tidegate
