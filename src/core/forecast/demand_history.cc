#include "core/forecast/demand_history.h"

namespace tidegate {
namespace {

constexpr std::size_t pending_entries() {
  std::size_t entries = 0;
  for (std::size_t h = 0; h < horizons; ++h) entries += static_cast<std::size_t>(horizon_bins[h] / horizon_step[h]);
  return entries;
}

}  // namespace

bool DemandHistory::is_consistent() const {
  for (const HorizonAnswer& answer : answers)
    if (answer.value_leader >= scored_forecasters || answer.peak_leader >= scored_forecasters) return false;
  if (!started) return recent.empty() && slots.empty() && residuals.empty() && pending.empty();
  return recent.size() == recent_bins && slots.size() == slots_kept &&
         residuals.size() == point_forecasters * horizons && pending.size() == pending_entries();
}

}  // namespace tidegate
