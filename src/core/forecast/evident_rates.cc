#include "core/forecast/evident_rates.h"

#include <algorithm>
#include <cmath>

namespace tidegate {

EvidentRates evident_rates(double arrivals, double length, double dispersion) {
  constexpr double deviations = 3;
  const double c = deviations * deviations * std::max(dispersion, 1.0) / 2;
  const double reach = std::sqrt(c * (2 * arrivals + c));
  return {.least = (arrivals + c - reach) / length, .most = (arrivals + c + reach) / length};
}

}  // namespace tidegate
