// The distribution of prediction errors around a point, learned online.
//
// An error is counted in units of the point's scale, scale = sqrt(p / 10 s + (g p)^2): Poisson noise of a 10-second
// bin plus a relative spread g that grows with the horizon. Worked: p = 10/s, g = 0.1 -> sqrt(1 + 1) = 1.41/s.
// So errors seen at one level still fit at another. Before anything is seen the errors are taken as normal with
// deviation 1.3 scales and a heavier upper tail: wide, but sane.
#pragma once

#include <cstdint>

#include "core/forecast/demand_history.h"

namespace tidegate {

[[nodiscard]] double residual_scale(double point, std::size_t horizon);
[[nodiscard]] ResidualHistogram residual_prior();

// Moves `share` (0..1) of the mass to where `deviation` (in scales) fell.
void add(ResidualHistogram& histogram, double deviation, double share);

}  // namespace tidegate
