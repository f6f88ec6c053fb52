// How Ray Serve's controller turns pushed samples into one number of ongoing requests
// (ray-project/ray, python/ray/serve/_private/metrics_utils.py and autoscaling_metrics_merge.py, 01624ad4).
//
//   A series is a right-continuous step function: a value holds until the next one; before the first it is zero.
//   merge  = total of all series at every instant where one of them changes; times rounded to 10 ms (half away from
//            zero) after the changes are found, of equal times the last total counts
//   mean   = sum(value * how long it held) / length of the window; the last value holds `last_window`
//   max, min over the points
//
// Worked: 5 from 1 s, 10 from 2 s, 15 from 3 s, last window 1 s: mean (5 + 10 + 15) / 3 = 10.
// Times are seconds; points of a series stand in order of time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/model/policy_spec.h"

namespace tidegate {

struct LoadPoint {
  double at = 0;  // seconds
  double value = 0;
  friend bool operator==(const LoadPoint&, const LoadPoint&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(at, value);
  }
};
using LoadSeries = std::vector<LoadPoint>;

// A lone series passes untouched; older revisions compacted it like several.
enum class LoneSeries : std::uint8_t { untouched, compacted };
[[nodiscard]] LoadSeries merge_series(std::span<const LoadSeries> series, LoneSeries lone = LoneSeries::untouched);

struct AverageWindow {
  std::optional<double> start;  // none: the first point
  std::optional<double> end;    // none: the last point and `last_window`
  double last_window = 1;       // seconds the last value holds
};
// None for an empty series or an empty window.
[[nodiscard]] std::optional<double> time_weighted_average(std::span<const LoadPoint> series,
                                                          const AverageWindow& window);
[[nodiscard]] std::optional<double> aggregate(std::span<const LoadPoint> series, RayAggregation function,
                                              const AverageWindow& window);

// The start of the window moved up to `end - clip`, never earlier than it was (none: `first`); 0 clips nothing.
struct ClipWindow {
  std::optional<double> start;
  double first = 0;
  double end = 0;
  double clip = 0;
};
[[nodiscard]] std::optional<double> clipped_start(const ClipWindow& window);

}  // namespace tidegate
