// Quantiles of what happened in the last 60 s, from the increments of cumulative histograms.
//
// Increments are additive, so those of all replicas go into one window per service and signal; a replica that
// vanishes leaves what it measured. They are kept in steps of 5 s, so a window covers 60 to 65 s. Replicas whose
// bucket bounds differ (two versions during a rollout) each get a grid of their own, at most `grids_max`.
//
// A quantile q is found where the counts reach q * total, linear within the bucket, and the highest finite bound
// when it falls into the +Inf bucket. Worked: bounds 1, 2, +Inf with increments 50, 40, 10: p50 = 1.0,
// p90 = 2.0 (rank 90 ends the second bucket), p70 = 1 + (70 - 50) / 40 = 1.5, p99 = 2 (clamped).
// With several grids the same is done on the union of bounds, each grid taken as linear in its buckets.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

class HistogramWindow {
 public:
  static constexpr Duration length = 60s;
  static constexpr Duration step = 5s;
  static constexpr std::size_t grids_max = 4;

  // `counts` are increments per bucket (not cumulative), one per bound; bounds ascend, the last may be infinite.
  // False: one grid too many, and the increments were left out.
  bool add(std::span<const double> bounds, std::span<const double> counts, double sum, Instant now);
  void forget_before(Instant now);

  [[nodiscard]] double count() const;
  [[nodiscard]] std::optional<double> mean() const;              // none: nothing happened
  [[nodiscard]] std::optional<double> quantile(double q) const;  // 0 < q < 1; none: nothing happened

 private:
  struct Step {
    Instant began{};
    std::vector<double> counts;
    double sum = 0;
  };
  struct Grid {
    std::vector<double> bounds;
    std::deque<Step> steps;
    std::vector<double> totals;  // of the steps, per bucket
  };

  void recount(Grid& grid);

  std::vector<Grid> grids_;
};

}  // namespace tidegate
