#include "core/signals/histogram_window.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace tidegate {

namespace {

double lower_bound_of(std::span<const double> bounds, std::size_t bucket) {
  if (bucket > 0) return bounds[bucket - 1];
  return std::min(0.0, bounds[0]);
}

// How many of the increments are at or below x, linear within a bucket. The +Inf bucket is above every finite x.
double count_below(std::span<const double> bounds, std::span<const double> totals, double x) {
  double below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (bounds[i] <= x) {
      below += totals[i];
      continue;
    }
    const double lower = lower_bound_of(bounds, i);
    if (std::isfinite(bounds[i]) && x > lower) below += totals[i] * (x - lower) / (bounds[i] - lower);
    break;
  }
  return below;
}

}  // namespace

void HistogramWindow::recount(Grid& grid) {
  // Summed anew instead of subtracted: rounding must not leave ghosts in an idle window.
  std::ranges::fill(grid.totals, 0.0);
  for (const Step& past : grid.steps)
    for (std::size_t i = 0; i < grid.totals.size(); ++i) grid.totals[i] += past.counts[i];
}

bool HistogramWindow::add(std::span<const double> bounds, std::span<const double> counts, double sum, Instant now) {
  CHECK(bounds.size() == counts.size() && !bounds.empty());
  auto grid = std::ranges::find_if(grids_, [&](const Grid& g) { return std::ranges::equal(g.bounds, bounds); });
  if (grid == grids_.end()) {
    if (grids_.size() >= grids_max) return false;
    grids_.push_back({.bounds = {bounds.begin(), bounds.end()}, .totals = std::vector<double>(bounds.size())});
    grid = grids_.end() - 1;
  }
  if (grid->steps.empty() || now - grid->steps.back().began >= step)
    grid->steps.push_back({.began = now, .counts = std::vector<double>(bounds.size())});
  Step& present = grid->steps.back();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    present.counts[i] += counts[i];
    grid->totals[i] += counts[i];
  }
  present.sum += sum;
  return true;
}

void HistogramWindow::forget_before(Instant now) {
  for (Grid& grid : grids_) {
    const std::size_t before = grid.steps.size();
    while (!grid.steps.empty() && now - grid.steps.front().began > length + step) grid.steps.pop_front();
    if (grid.steps.size() != before) recount(grid);
  }
  std::erase_if(grids_, [](const Grid& grid) { return grid.steps.empty(); });
}

double HistogramWindow::count() const {
  double total = 0;
  for (const Grid& grid : grids_)
    for (double n : grid.totals) total += n;
  return total;
}

std::optional<double> HistogramWindow::mean() const {
  const double n = count();
  if (n <= 0) return std::nullopt;
  double sum = 0;
  for (const Grid& grid : grids_)
    for (const Step& past : grid.steps) sum += past.sum;
  return sum / n;
}

std::optional<double> HistogramWindow::quantile(double q) const {
  CHECK(q > 0 && q < 1);
  const double total = count();
  if (total <= 0) return std::nullopt;
  const double rank = q * total;
  std::vector<double> points;
  for (const Grid& grid : grids_)
    for (double bound : grid.bounds)
      if (std::isfinite(bound)) points.push_back(bound);
  // Only a +Inf bucket: something happened, but nobody knows how long it took.
  if (points.empty()) return std::nullopt;
  std::ranges::sort(points);
  double left = std::min(0.0, points.front());
  double below_left = 0;
  for (double right : points) {
    double below = 0;
    for (const Grid& grid : grids_) below += count_below(grid.bounds, grid.totals, right);
    if (below >= rank) {
      if (below <= below_left) return right;
      return left + (right - left) * std::clamp((rank - below_left) / (below - below_left), 0.0, 1.0);
    }
    left = right;
    below_left = below;
  }
  return points.back();
}

}  // namespace tidegate
