// Requests out of counts per bin: when the requests of each bin came, keeping its count.
//
// Within a bin the rate is a straight line from its left edge to its middle and another to its right edge; at
// an edge both bins have the same rate. With r the mean rates of the bins and e the rate at the edge between i
// and i + 1:
//
//   e = min((r_i + r_i+1) / 2, 2 r_i, 2 r_i+1)      middle of i = 2 r_i - (left e + right e) / 2
//
// so the area of a bin is its count, no rate is negative, and a straight ramp stays one. Worked: r = 1, 2, 3:
// edges 1.5 and 2.5, middle 2. Outside the file, and where bins are left out, no requests come; the first and
// last edges have the rate of their bin.
// The n requests of a bin are n steps of a Gamma renewal process whose n + 1 gaps (mean 1, variance
// `burstiness`) are stretched to fill the bin: 1 scatters them as a Poisson process does, 0 spaces them evenly.
// Memory: three bins. Deterministic from the generator given.
#pragma once

#include <functional>
#include <optional>

#include "core/base/error.h"
#include "core/base/prng.h"
#include "core/base/time.h"
#include "lab/sim/arrivals.h"

namespace tidegate {

struct TrafficBin {
  Duration at{};
  double requests = 0;
  friend bool operator==(const TrafficBin&, const TrafficBin&) = default;
};

// Bins in order of time; none at the end.
using BinSource = std::function<Result<std::optional<TrafficBin>>()>;

struct BinOptions {
  Duration width = 60s;  // of a bin
  double burstiness = 1;
  double scale = 1;  // times the rate; see lab/sim/traffic.h for the rule
};

class BinArrivals {
 public:
  BinArrivals(BinSource bins, BinOptions options, Prng random);
  // When the next request comes; none at the end.
  [[nodiscard]] Result<std::optional<Duration>> next();

 private:
  [[nodiscard]] Result<bool> next_bin();
  void shape_bin();
  [[nodiscard]] std::uint64_t requests_of(const TrafficBin& bin);
  [[nodiscard]] double gap(Prng& random) const;

  BinSource bins_;
  BinOptions options_;
  Prng random_;
  double came_ = 0;      // unscaled requests so far
  double rounding_ = 0;  // where the counts are rounded, in [0, 1)
  bool opened_ = false;
  std::optional<TrafficBin> before_, here_, after_;

  RateCurve curve_;         // of the present bin, from its start
  std::uint64_t left_ = 0;  // requests of the present bin still to come
  double whole_ = 0;        // sum of its gaps
  double gone_ = 0;         // sum of the gaps so far
  bool evenly_ = false;     // spaced without gaps drawn
  Prng gaps_;
};

}  // namespace tidegate
