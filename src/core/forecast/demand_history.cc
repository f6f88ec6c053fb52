#include "core/forecast/demand_history.h"

namespace tidegate {

bool DemandHistory::is_consistent() const {
  for (const HorizonAnswer& answer : answers)
    if (answer.value_leader >= scored_forecasters || answer.peak_leader >= scored_forecasters) return false;
  if (!started) return recent.empty() && slots.empty() && residuals.empty() && pending.empty();
  if (slots.size() == slots_kept && recent.empty() && residuals.empty() && pending.empty()) return true;  // resting
  return recent.size() == recent_bins && slots.size() == slots_kept &&
         residuals.size() == point_forecasters * horizons && pending.size() == pending_entries;
}

}  // namespace tidegate
