#include "core/forecast/residual_histogram.h"

#include <algorithm>
#include <cmath>

#include "core/forecast/forecast.h"

namespace tidegate {
namespace {

constexpr std::size_t bins_below = 17;
constexpr std::size_t bins = 48;
constexpr double rate_least = 1.0 / 600;
constexpr std::array<double, horizons> spread{0.1, 0.12, 0.15, 0.2, 0.3, 0.6, 0.8};

// Edges widen by 16 % a bin away from zero: about -10.7 .. 92 scales.
constexpr std::array<double, bins + 1> make_edges() {
  std::array<double, bins + 1> edges{};
  double width = 0.15;
  for (std::size_t i = bins_below; i > 0; --i, width *= 1.16) edges[i - 1] = edges[i] - width;
  width = 0.15;
  for (std::size_t i = bins_below; i < bins; ++i, width *= 1.16) edges[i + 1] = edges[i] + width;
  return edges;
}
constexpr auto edges = make_edges();

void refresh_quantiles(ResidualHistogram& histogram) {
  double below = 0;
  std::size_t bin = 0;
  for (std::size_t i = 0; i < quantile_points; ++i) {
    const double wanted = RateQuantiles::probabilities[i];
    while (bin + 1 < bins && below + static_cast<double>(histogram.mass[bin]) < wanted)
      below += static_cast<double>(histogram.mass[bin++]);
    const double mass = static_cast<double>(histogram.mass[bin]);
    const double inside = mass > 0 ? std::clamp((wanted - below) / mass, 0.0, 1.0) : 1.0;
    histogram.quantiles[i] = static_cast<float>(edges[bin] + (edges[bin + 1] - edges[bin]) * inside);
    if (i > 0) histogram.quantiles[i] = std::max(histogram.quantiles[i], histogram.quantiles[i - 1]);
  }
}

}  // namespace

double residual_scale(double point, std::size_t horizon) {
  const double rate = std::max(point, rate_least);
  const double relative = spread[horizon] * rate;
  return std::sqrt(rate / bin_seconds + relative * relative);
}

ResidualHistogram residual_prior() {
  ResidualHistogram prior;
  double total = 0;
  std::array<double, bins> mass{};
  for (std::size_t i = 0; i < bins; ++i) {
    const double middle = (edges[i] + edges[i + 1]) / 2;
    const double tail = middle > 0 ? 0.02 / (1 + middle * middle) : 0;
    mass[i] = (edges[i + 1] - edges[i]) * (std::exp(-middle * middle / (2 * 1.3 * 1.3)) + tail);
    total += mass[i];
  }
  for (std::size_t i = 0; i < bins; ++i) prior.mass[i] = static_cast<float>(mass[i] / total);
  refresh_quantiles(prior);
  return prior;
}

void add(ResidualHistogram& histogram, double deviation, double share) {
  const auto above = std::upper_bound(edges.begin() + 1, edges.end() - 1, deviation);
  const auto bin = static_cast<std::size_t>(above - edges.begin()) - 1;
  const float kept = static_cast<float>(1 - share);
  for (float& mass : histogram.mass) mass *= kept;
  histogram.mass[bin] += static_cast<float>(share);
  refresh_quantiles(histogram);
}

}  // namespace tidegate
