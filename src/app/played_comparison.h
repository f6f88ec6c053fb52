// Plays a comparison on threads: the bounds of each trace and every run, with a progress bar.
#pragma once

#include <vector>

#include "app/comparison_choice.h"
#include "lab/sweep/comparison.h"

namespace tidegate {

struct ComparisonOrder {
  std::vector<Contestant> contestants;
  std::size_t seeds = 1;
  std::size_t threads = 1;
  bool with_bounds = true;
};

struct PlayedComparison {
  Comparison comparison;
  std::vector<Duration> walls;  // how long each run took
  bool interrupted = false;
};

// Fails when a trace does: the first failure.
[[nodiscard]] Result<PlayedComparison> play_comparison(const ComparisonChoice& choice, const ComparisonOrder& order,
                                                       Terminal& terminal);

}  // namespace tidegate
