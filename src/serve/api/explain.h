// Renders a decision as text for a person, from the record alone: nothing is guessed and nothing is computed again.
//
//   chat @2026-09-14 10:15:00Z   set 8 (was 5)   load_rise
//     The load being served now needs more replicas than are there.
//     observe   load 118 requests             in_flight 64, queued 54, rate 14.2/s
//     size      5 -> 7.4 replicas             load_rise   per_replica 16 requests
//     guard     9 -> 8 replicas               rate_limited   unlocks 10:16:00Z (in 60s)
//
// A line a stage: what went in, what came out, the reason when it is more than a matter of course, the note, the
// facts with their units. What is only known of the present (readings, replicas, who steers, what-if) is added from
// the context, where given. Times near 1970 are a scenario's and printed as durations.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/decide/what_if.h"
#include "core/model/decision.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"

namespace tidegate {

struct ExplainContext {
  std::optional<Replicas> before;     // committed before the decision; none: as the mix stage saw it
  const ServiceSpec* spec = nullptr;  // what is promised, and how it acts
  const Observation* seen = nullptr;  // what it was decided on
  const WhatIf* what_if = nullptr;    // what would make it another size
  std::optional<Instant> now;         // when it is read: "15s ago"
};

[[nodiscard]] std::string explanation(const Decision& decision, const ExplainContext& context = {});

// The first line alone, without its line end.
[[nodiscard]] std::string decision_headline(const Decision& decision, const ExplainContext& context = {});

}  // namespace tidegate
