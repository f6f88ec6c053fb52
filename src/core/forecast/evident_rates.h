// Which rates a count does not rule out: those whose expected count lies at most z = 3 standard deviations from it.
// With n arrivals in w seconds, v their dispersion (variance over mean of counts; 1: Poisson, which is the least):
//
//   rate w = n + c -+ sqrt(c (2 n + c)),   c = z^2 v / 2      (the roots of (n - m)^2 = z^2 v m)
//
// Worked: 40 arrivals in four seconds, v = 1 (c = 4.5): 44.5 -+ 19.5, 6.25/s to 16/s.
#pragma once

namespace tidegate {

struct EvidentRates {
  double least = 0;  // requests per second
  double most = 0;
};

// `length` in seconds, above 0.
[[nodiscard]] EvidentRates evident_rates(double arrivals, double length, double dispersion);

}  // namespace tidegate
