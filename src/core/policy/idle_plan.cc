#include "core/policy/idle_plan.h"

#include <algorithm>

#include "core/forecast/idle_gap.h"

namespace tidegate {

IdlePlan idle_plan(const GapHistogram& gaps, double quiet, const IdleCosts& costs) {
  const std::size_t here = gap_class(quiet);
  const std::size_t ahead = gap_class(quiet + costs.lead);
  // Gaps shorter than the first class were not counted, so nothing is known of them.
  IdlePlan plan{.stays = quiet < gap_shortest};
  double kept = 0;
  for (std::size_t i = gap_classes; i-- > here;) {
    const double ending = ending_chance(gaps, i);
    const double width = gap_class_begin(i + 1) - gap_class_begin(i);
    const double gain = ending * (costs.miss + costs.boot - width / 2) + (1 - ending) * (kept - width);
    const bool wakes = gain > costs.boot;
    if (i == ahead) plan.wakes = wakes;
    // One that would be ordered again before it is gone stays.
    plan.stays = plan.stays || (i <= ahead && wakes) || (i == here && gain > 0);
    kept = std::clamp(gain, 0.0, costs.boot);
  }
  return plan;
}

}  // namespace tidegate
