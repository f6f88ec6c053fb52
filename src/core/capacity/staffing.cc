#include "core/capacity/staffing.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/check.h"

namespace tidegate {
namespace {

// Acklam's coefficients (2003): ratios of polynomials for the middle and for the tails.
constexpr std::array middle_top{-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                                1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
constexpr std::array middle_bottom{-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
                                   6.680131188771972e+01,  -1.328068155288572e+01, 1.0};
constexpr std::array tail_top{-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                              -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
constexpr std::array tail_bottom{7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                                 3.754408661907416e+00, 1.0};

template <std::size_t N>
double polynomial(const std::array<double, N>& coefficients, double x) {
  double sum = 0;
  for (const double coefficient : coefficients) sum = sum * x + coefficient;
  return sum;
}

double lower_tail(double p) {
  const double x = std::sqrt(-2 * std::log(p));
  return polynomial(tail_top, x) / polynomial(tail_bottom, x);
}

}  // namespace

double normal_quantile(double p) {
  CHECK(p > 0 && p < 1);
  constexpr double tail = 0.02425;
  if (p < tail) return lower_tail(p);
  if (p > 1 - tail) return -lower_tail(1 - p);
  const double x = p - 0.5;
  return x * polynomial(middle_top, x * x) / polynomial(middle_bottom, x * x);
}

double staffed_replicas(const StaffingLoad& load, const Capacity& capacity, double quantile) {
  if (!(load.rate > 0) || !(capacity.slots > 0)) return 0;
  const double busy = load.rate * capacity.residence(capacity.slots);
  const double spread = std::sqrt(busy * std::max(load.variability, 0.0));
  return std::max((busy + normal_quantile(quantile) * spread) / capacity.slots, 0.0);
}

}  // namespace tidegate
