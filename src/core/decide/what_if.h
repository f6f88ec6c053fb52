// "What would make it N replicas?", computed and not guessed: `decide` is run again on changed inputs and changed
// settings, and the smallest change of each kind that leads to N is kept.
//
// The present is asked about as if it lasted one more tick: the observation is repeated with `now` advanced by its
// interval, on the state after the present decision. Nothing is remembered of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/decide/state.h"
#include "core/model/decision.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"

namespace tidegate {

// One change that leads to the size asked for (or, where none does, how far it gets).
struct Counterfactual {
  std::string change;  // "arrivals 2.3 times the present 4.1/s", "replicas.max 8 instead of 4", "no pause"
  Replicas then{0};    // what decide answers with it
  Reason reason = Reason::steady;
  bool reaches = true;  // then == the size asked for
};

struct WhatIf {
  Replicas wanted{0};
  Replicas present{0};  // what decide answers without a change
  std::vector<Counterfactual> changes;
  std::optional<Reason> blocked_by;  // what holds the present size, when something beside the load does
};

[[nodiscard]] WhatIf what_if(const ServiceSpec& spec, const ServiceState& state, const Observation& seen,
                             Duration interval, Replicas wanted);

}  // namespace tidegate
