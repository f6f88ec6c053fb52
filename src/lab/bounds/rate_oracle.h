// The rate oracle: a scaler that knows the smoothed rate ahead but not single requests. The fair bound for a
// forecaster; what separates it from the clairvoyant is the noise of arrivals, which nobody can forecast.
//
//   m(t)  = mean of the load over `window`, centred on t                                       (replicas)
//   need  = m + z * sqrt(m * variability / slots)                          square-root staffing, core/capacity
//   sizes = the cheapest schedule that has ceil(need) replicas ready in every step (clairvoyant.h, cheapest_cover)
//
// z is one number for the whole trace, calibrated so that the share of work that waits too long in a fluid queue is
// the allowed one; variability is the variance of the load around m over its Poisson value, once for the trace.
// Worked: m 5, slots 8, variability 1, z 2.33: 5 + 2.33 * sqrt(5 / 8) = 6.84: 7 replicas.
// A bound on what knowing the rate is worth with one safety quantile, not on every rule that knows the rate: one that
// changes its quantile with the hour may do better, and on surges shorter than the window it is no bound at all.
#pragma once

#include "lab/bounds/schedule.h"

namespace tidegate {

struct RateOracleTerms {
  double slots = 1;        // of a replica
  Duration window = 5min;  // over which the rate is smoothed
};

// The mean over a window centred on each step; at the ends of the series over what there is of it.
[[nodiscard]] NeedSeries smoothed(const NeedSeries& needs, Duration window);

// Variance of the load around its smoothed value over that of Poisson arrivals, from the scored steps; 1 without load.
[[nodiscard]] double load_variability(const NeedSeries& needs, const NeedSeries& smooth, const BoundTerms& terms,
                                      double slots);

struct RateOracle {
  ReplicaSchedule schedule;
  double hours = 0;
  double late = 0;  // share, in the fluid queue
  double z = 0;     // standard deviations above the mean
  double variability = 1;
};

[[nodiscard]] RateOracle rate_oracle_at(const NeedSeries& needs, const BoundTerms& terms, const RateOracleTerms& oracle,
                                        double z, const QueueTerms& queue);

// The least z whose late share is within what is allowed; the largest there is when none is.
[[nodiscard]] RateOracle rate_oracle(const NeedSeries& needs, const BoundTerms& terms, const RateOracleTerms& oracle,
                                     double late_allowed, const QueueTerms& queue);

}  // namespace tidegate
