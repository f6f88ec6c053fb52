// Which settings of a policy to try next: first its whole table of knobs, then ever closer to the best found.
//
// The best is the cheapest that attains what is asked; while none does, the one that attains most. Around it each knob
// moves halfway to the nearest value tried on either side, and a fifth beyond the outermost one where its bounds allow.
// Words are only tried as the table has them. Ends when the budget is spent, when nothing new is left to try (values
// closer than 2 % are the same), or when a round gained less than half a percent.
// Refuses nothing; a point tried twice is never proposed again.
#pragma once

#include <optional>
#include <vector>

#include "lab/sweep/knobs.h"

namespace tidegate {

struct TriedPoint {
  KnobValues values;
  double attainment = 0;
  double cost = 0;
};

struct TuningTerms {
  double attainment = 0.99;
  std::size_t budget = 40;  // points in all
};

// The index of the best of what was tried; none of nothing.
[[nodiscard]] std::optional<std::size_t> best_of(const std::vector<TriedPoint>& tried, double attainment);

// The next points to try, all at once; empty: done. `rounds_best` are the costs of the best after each round so far.
[[nodiscard]] std::vector<KnobValues> next_points(const KnobTable& table, const std::vector<TriedPoint>& tried,
                                                  const std::vector<double>& rounds_best, const TuningTerms& terms);

}  // namespace tidegate
