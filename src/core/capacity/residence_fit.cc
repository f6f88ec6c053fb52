#include "core/capacity/residence_fit.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tidegate {
namespace {

constexpr double weight_most = 200;  // completions
constexpr double weight_least = 5;
constexpr double prior_completions = 30;  // completions, at each of two points
constexpr double huber = 0.2;             // relative
// A window's concurrency is known to about that much, and the error moves its residence alike (both are in-flight over
// something): a spread of that size tells no slope (errors in variables; Fuller 1987).
constexpr double noise = 0.15;

struct Point {
  double x = 0;
  double y = 0;
  double weight = 0;
  bool is_firm = false;  // no outlier, however far off
};

struct Points {
  std::array<Point, CapacityState::bins + 3> values{};
  std::size_t count = 0;

  void add(Point point) { values[count++] = point; }
};

LineFit weighted_line(const Points& points, const LineFit* robust_around) {
  double w = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < points.count; ++i) {
    const Point& p = points.values[i];
    double weight = p.weight / (p.y * p.y);
    if (robust_around != nullptr && !p.is_firm) {
      const double miss = std::abs(p.y - robust_around->at(p.x)) / p.y;
      if (miss > huber) weight *= huber / miss;
    }
    w += weight, x += weight * p.x, y += weight * p.y, xx += weight * p.x * p.x, xy += weight * p.x * p.y;
  }
  const double spread = xx - x * x / w;
  const double told = spread / (x * x / w);  // relative variance of the concurrency over the bins
  if (told <= noise * noise) return {.base = y / w, .slope = 0};
  const double slope = (xy - x * y / w) / spread * (1 - noise * noise / told);
  if (slope < 0) return {.base = y / w, .slope = 0};
  const double base = (y - slope * x) / w;
  if (base <= 0) return {.base = 1e-6, .slope = xy / xx};
  return {.base = base, .slope = slope};
}

LineFit robust_line(const Points& points) {
  LineFit line = weighted_line(points, nullptr);
  for (int round = 0; round < 2; ++round) {
    const LineFit around = line;
    line = weighted_line(points, &around);
  }
  return line;
}

// The prior's shape at the size that was measured.
void add_prior(Points& points, const PriorLine& prior) {
  double measured = 0, expected = 0, x = 0, w = 0;
  for (std::size_t i = 0; i < points.count; ++i) {
    const Point& p = points.values[i];
    measured += p.weight * p.y;
    expected += p.weight * prior.line.at(p.x);
    x += p.weight * p.x;
    w += p.weight;
  }
  if (!(expected > 0)) return;
  const double scale = measured / expected;
  const double middle = x / w;
  for (const double at : {middle / 2, middle * 2}) points.add({at, prior.line.at(at) * scale, prior_completions});
  if (prior.reach > 2 * middle)
    points.add({.x = prior.reach, .y = prior.line.at(prior.reach) * scale, .weight = weight_most, .is_firm = true});
}

}  // namespace

std::optional<LineFit> fit_residence(const CapacityState& state, const std::optional<PriorLine>& prior) {
  Points points;
  for (const ConcurrencyBin& bin : state.by_concurrency)
    if (bin.completions >= weight_least && bin.busy > 0)
      points.add({bin.concurrency(), bin.residence(), std::min(bin.completions, weight_most)});
  if (points.count == 0) return std::nullopt;
  if (prior && prior->line.slope > 0) add_prior(points, *prior);
  return robust_line(points);
}

std::optional<LineFit> fit_itl(const CapacityState& state) {
  Points points;
  for (const ConcurrencyBin& bin : state.by_concurrency)
    if (bin.itl_weight >= weight_least && bin.busy > 0)
      points.add({bin.concurrency(), bin.itl_sum / bin.itl_weight, std::min(bin.itl_weight, weight_most)});
  if (points.count == 0) return std::nullopt;
  return robust_line(points);
}

double fit_error(const CapacityState& state, const LineFit& line) {
  double error = 0;
  double weight = 0;
  for (const ConcurrencyBin& bin : state.by_concurrency) {
    if (bin.completions < weight_least || !(bin.busy > 0)) continue;
    const double w = std::min(bin.completions, weight_most);
    const double fitted = line.at(bin.concurrency());
    error += w * std::abs(bin.residence() - fitted) / fitted;
    weight += w;
  }
  return weight > 0 ? error / weight : 0;
}

}  // namespace tidegate
