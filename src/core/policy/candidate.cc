#include "core/policy/candidate.h"

#include <algorithm>

namespace tidegate {

CandidateBand band_of(const Candidate& candidate, const CandidateInput& input) {
  CandidateBand band;
  band.present = present_need(input.load, candidate.floor_quantile);
  band.forecast = forecast_need(input.load, input.at_lead.rate.at(candidate.floor_quantile));
  const double kept = forecast_need(input.load, input.over_hold.rate.at(candidate.ceiling_quantile));
  band.ceiling = std::max({band.present, band.forecast, kept});
  return band;
}

}  // namespace tidegate
