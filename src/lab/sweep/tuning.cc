#include "lab/sweep/tuning.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr double same = 0.02;
constexpr double gain_least = 0.005;
constexpr double beyond = 1.2;

bool is_close(double a, double b) { return std::abs(a - b) <= same * std::max(std::abs(a), std::abs(b)) + 1e-9; }

bool was_tried(const KnobValues& values, const std::vector<TriedPoint>& tried, const std::vector<KnobValues>& planned) {
  const auto close = [&](const KnobValues& other) { return std::ranges::equal(values, other, is_close); };
  return std::ranges::any_of(tried, [&](const auto& one) { return close(one.values); }) ||
         std::ranges::any_of(planned, close);
}

// The values of one knob worth a try around the best.
std::vector<double> around(const KnobAxis& axis, std::size_t index, double best, const std::vector<TriedPoint>& tried) {
  if (axis.unit == KnobUnit::word) return {};
  double below = -std::numeric_limits<double>::infinity(), above = std::numeric_limits<double>::infinity();
  for (const auto& one : tried) {
    const double value = one.values[index];
    if (is_close(value, best)) continue;
    if (value < best) below = std::max(below, value);
    if (value > best) above = std::min(above, value);
  }
  const double lower = std::isfinite(below) ? (best + below) / 2 : best / beyond;
  const double higher = std::isfinite(above) ? (best + above) / 2 : best * beyond;
  return {std::clamp(lower, axis.least, axis.most), std::clamp(higher, axis.least, axis.most)};
}

}  // namespace

std::optional<std::size_t> best_of(const std::vector<TriedPoint>& tried, double attainment) {
  if (tried.empty()) return std::nullopt;
  const auto rank = [&](const TriedPoint& one) {
    const bool meets = one.attainment >= attainment;
    return std::pair(!meets, meets ? one.cost : -one.attainment);
  };
  return static_cast<std::size_t>(std::ranges::min_element(tried, {}, rank) - tried.begin());
}

std::vector<KnobValues> next_points(const KnobTable& table, const std::vector<TriedPoint>& tried,
                                    const std::vector<double>& rounds_best, const TuningTerms& terms) {
  if (tried.size() >= terms.budget) return {};
  const std::size_t left = terms.budget - tried.size();
  std::vector<KnobValues> points;
  if (tried.empty()) {
    points = points_of(table);
  } else {
    const std::size_t rounds = rounds_best.size();
    if (rounds >= 3 && rounds_best[rounds - 1] > rounds_best[rounds - 2] * (1 - gain_least) &&
        rounds_best[rounds - 2] > rounds_best[rounds - 3] * (1 - gain_least))
      return {};
    const KnobValues best = tried[*best_of(tried, terms.attainment)].values;
    for (std::size_t i = 0; i < table.axes.size(); ++i)
      for (const double value : around(table.axes[i], i, best[i], tried)) {
        KnobValues next = best;
        next[i] = value;
        if (!was_tried(next, tried, points)) points.push_back(std::move(next));
      }
  }
  if (points.size() > left) points.resize(left);
  return points;
}

}  // namespace tidegate
