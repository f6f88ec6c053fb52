#include "core/policy/peers/ray_serve_metrics.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace tidegate {
namespace {

struct Change {
  double at = 0;
  std::size_t series = 0;
  double by = 0;
};

double to_10ms(double at) { return std::round(at * 100.0) / 100.0; }

}  // namespace

LoadSeries merge_series(std::span<const LoadSeries> series, LoneSeries lone) {
  const auto is_filled = [](const LoadSeries& one) { return !one.empty(); };
  if (lone == LoneSeries::untouched && std::ranges::count_if(series, is_filled) == 1)
    return *std::ranges::find_if(series, is_filled);
  std::vector<Change> changes;
  for (std::size_t i = 0; i < series.size(); ++i) {
    double held = 0;
    for (const LoadPoint& point : series[i]) {
      if (point.value != held) changes.push_back({point.at, i, point.value - held});
      held = point.value;
    }
  }
  // Not stable_sort: its temporary buffer is deprecated, of which clang-19 warns.
  std::ranges::sort(changes, {}, [](const Change& change) { return std::tie(change.at, change.series); });
  LoadSeries merged;
  double total = 0;
  for (const Change& change : changes) {
    total += change.by;
    const double at = to_10ms(change.at);
    if (!merged.empty() && merged.back().at == at)
      merged.back().value = total;
    else
      merged.push_back({at, total});
  }
  return merged;
}

std::optional<double> time_weighted_average(std::span<const LoadPoint> series, const AverageWindow& window) {
  if (series.empty()) return std::nullopt;
  const double start = window.start.value_or(series.front().at);
  const double end = window.end.value_or(series.back().at + window.last_window);
  if (end <= start) return std::nullopt;
  double area = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const double from = std::max(series[i].at, start);
    const double to = i + 1 < series.size() ? std::min(series[i + 1].at, end) : end;
    if (to > from) area += series[i].value * (to - from);
  }
  return area / (end - start);
}

std::optional<double> aggregate(std::span<const LoadPoint> series, RayAggregation function,
                                const AverageWindow& window) {
  if (series.empty()) return std::nullopt;
  switch (function) {
    case RayAggregation::max:
      return std::ranges::max(series, {}, &LoadPoint::value).value;
    case RayAggregation::min:
      return std::ranges::min(series, {}, &LoadPoint::value).value;
    case RayAggregation::mean:
      break;
  }
  return time_weighted_average(series, window);
}

std::optional<double> clipped_start(const ClipWindow& window) {
  const double moved = window.end - window.clip;
  if (window.clip <= 0 || moved <= window.start.value_or(window.first)) return window.start;
  return moved;
}

}  // namespace tidegate
