// When requests come: a rate that changes over time, and a renewal process that follows it.
//
// With Lambda(t) the integral of the rate, request n comes at the t where Lambda(t) = g1 + ... + gn, the gaps g
// being Gamma distributed with mean 1 and variance `burstiness`: 1 is a Poisson process, 0 is clockwork, more is
// bursty. Worked: rate 2/s, burstiness 0: requests at 0.5 s, 1.0 s, 1.5 s, ...
// Decides nothing about what a request needs (lab/sim/plant). Times are counted from the start of the run.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/base/prng.h"
#include "core/base/time.h"

namespace tidegate {

// Requests per second over time: straight lines between knots, the first and last rate outside them. Two knots
// at the same time make a step. Knots are added in order of time; rates are not negative.
class RateCurve {
 public:
  RateCurve& knot(Duration at, double rate);
  [[nodiscard]] double rate(Duration at) const;
  // The time at which the integral of the rate from `from` reaches `requests`; none when it never does.
  [[nodiscard]] std::optional<Duration> after(Duration from, double requests) const;

  friend bool operator==(const RateCurve&, const RateCurve&) = default;

 private:
  struct Knot {
    Duration at{};
    double rate = 0;
    friend bool operator==(const Knot&, const Knot&) = default;
  };
  std::vector<Knot> knots_;
};

// Hands out the next arrival, in order of time; none when there are no more.
using ArrivalStream = std::function<std::optional<Duration>()>;

[[nodiscard]] ArrivalStream renewal_arrivals(RateCurve curve, double burstiness, Prng random);

// Several streams as one, in order of time.
[[nodiscard]] ArrivalStream merged_arrivals(std::vector<ArrivalStream> streams);

}  // namespace tidegate
