// How many replicas a stationary load needs so that few requests wait (square-root staffing, Halfin-Whitt 1981;
// corrected for variability after Allen-Cunneen; facts/cloud-and-papers §3).
//
//   busy = rate * residence        mean busy slots
//   need = (busy + z(q) * sqrt(busy * variability)) / slots
//
// Worked: rate 10/s, residence 4 s -> 40 busy slots; variability 1, q = 0.99 (z = 2.33): 40 + 14.7 = 54.7
// slots; 16 slots a replica -> 3.42 replicas.
#pragma once

#include "core/base/quantity.h"
#include "core/capacity/capacity.h"

namespace tidegate {

struct StaffingLoad {
  double rate = 0;         // requests per second
  double variability = 1;  // variance over mean of arrivals per residence time; 1 = Poisson
};

// Weighted by nothing: replicas of the pool whose capacity is given.
[[nodiscard]] double staffed_replicas(const StaffingLoad& load, const Capacity& capacity, double quantile);

// The standard normal quantile (Acklam's rational approximation, |error| < 1.2e-9). 0 < p < 1.
[[nodiscard]] double normal_quantile(double p);

}  // namespace tidegate
