// Straight lines through what was measured by concurrency: residence(c) and itl(c) = base + slope c.
//
// Weighted least squares of relative deviations over the concurrency bins, re-weighted twice so that an outlying bin
// counts less (Huber, 20 %). Base and slope are never negative. A bin's weight saturates, so that the concurrency a
// service mostly runs at does not drown the rest. With a prior line (a hint or profile) its shape, scaled to the
// measured size, fills in what the bins do not tell: around what was measured, and at the most it was given for, so
// that a slope measured at light load is not carried far beyond it.
//
// Worked: residence 1.2 s at c = 2 and 2.0 s at c = 10 -> slope 0.1, base 1.0.
#pragma once

#include <optional>

#include "core/capacity/capacity_state.h"

namespace tidegate {

struct LineFit {
  double base = 0;   // seconds
  double slope = 0;  // seconds per concurrent request

  [[nodiscard]] double at(double concurrency) const { return base + slope * concurrency; }
};

struct PriorLine {
  LineFit line;
  double reach = 0;  // concurrency it was given for
};

// None while nothing was measured.
[[nodiscard]] std::optional<LineFit> fit_residence(const CapacityState& state, const std::optional<PriorLine>& prior);
[[nodiscard]] std::optional<LineFit> fit_itl(const CapacityState& state);

// Mean relative deviation of the bins from the line, weighted by (saturating) completions.
[[nodiscard]] double fit_error(const CapacityState& state, const LineFit& line);

}  // namespace tidegate
