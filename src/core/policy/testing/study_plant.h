// A small, quick plant to study policies on: one pool of slots behind one queue, in steps of 0.1 s.
//
// Requests of one queue go to the pool's slots in order; a request that begins as the c-th of its replica stays
// (0.6 + 0.05 c) of the mean service time at 8 slots, times a lognormal. Arrivals are a Gamma renewal process in the
// integral of the rate. A replica is ready after the cold start (within 20 %) and is billed from request until its last
// request ends. A request is late when it waited longer than the bound. Units: seconds, requests, replicas.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "core/base/prng.h"

namespace tidegate::study {

inline constexpr double step = 0.1;
inline constexpr double slots = 8;

struct Setup {
  double bin = 60;     // seconds
  bool exact = false;  // rates are counts a bin, played as they are
  std::vector<double> rates;
  double cold = 60;
  double burstiness = 1;
  double service = 2;
  double spread = 0.5;
  double bound = 2;
  std::uint64_t seed = 1;

  [[nodiscard]] double length() const { return static_cast<double>(rates.size()) * bin; }
  [[nodiscard]] double rate(double at) const;
};

// So that the highest 10-minute mean needs that many replicas.
void scale_to_peak(Setup& setup, double replicas);

struct Seen {
  double arrivals = 0, completions = 0, in_flight = 0, queued = 0, within = 0, missed = 0;
  int ready = 0, warming = 0;
};

struct Outcome {
  double hours = 0;
  double attained = 1;
  double raises = 0;
  double lowers = 0;
};

// Called each second with the time and what was seen since the last; answers how many replicas to have.
using Rule = std::function<int(double, const Seen&)>;

// Counts from `warm_up` seconds on.
[[nodiscard]] Outcome play(const Setup& setup, int initial, double warm_up, const Rule& rule);

}  // namespace tidegate::study
