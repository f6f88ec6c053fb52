// A candidate is a rule that turns forecasts and the present load into a band. Our policy keeps a table of them and
// follows one (the leader); which one is the tuner's business.
//
//   band       floor = forecast at the lead time at floor_quantile; ceiling = peak over the hold time at
//              ceiling_quantile; both staffed for the present load
//   headroom   floor = highest present need of the window, times 1 + headroom
//   fixed      floor = a quantile of the needs of the last day
//
// Every candidate also works backlogs off (need.h); that part is not its choice.
#pragma once

#include <string_view>

#include "core/forecast/forecast.h"
#include "core/policy/need.h"

namespace tidegate {

struct Candidate {
  std::string_view rule;
  double floor_quantile = 0.99;
  double ceiling_quantile = 0.9;
  double hold_share = 1;  // of the hold time, for which a size once needed is kept
};

inline constexpr Candidate cautious{.rule = "band"};

struct CandidateInput {
  const ServiceLoad& load;
  const Forecast& at_lead;
  const Forecast& over_hold;
};

// In weighted replicas; 0 <= floor <= ceiling.
struct CandidateBand {
  double present = 0;   // the part of the floor that the present load needs
  double forecast = 0;  // ... and that the forecast asks for
  double ceiling = 0;

  [[nodiscard]] double floor() const { return present > forecast ? present : forecast; }
};

[[nodiscard]] CandidateBand band_of(const Candidate& candidate, const CandidateInput& input);

}  // namespace tidegate
