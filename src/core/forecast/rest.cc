#include "core/forecast/rest.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/forecast/points.h"
#include "core/forecast/residual_histogram.h"

namespace tidegate {
namespace {

constexpr double idle_seconds = 3600;
constexpr double busy_rate = 0.1;        // requests per second; sparser traffic is foreseen by its gaps
constexpr std::int64_t slots_ahead = 6;  // an hour

bool was_busy(const DemandHistory& history, std::int64_t slot) { return earlier_days(history, slot) >= busy_rate; }

bool is_busy_ahead(const DemandHistory& history) {
  const std::int64_t slot = history.bin / static_cast<std::int64_t>(slot_bins);
  for (std::int64_t ahead = 0; ahead <= slots_ahead; ++ahead)
    if (was_busy(history, slot + ahead)) return true;
  return false;
}

template <class T>
void drop(std::vector<T>& values) {
  std::vector<T>{}.swap(values);
}

}  // namespace

bool opens_between(const DemandHistory& history, Instant from, Instant to) {
  if (!history.started) return false;
  const auto slot_of = [](Instant at) {
    return static_cast<std::int64_t>(std::floor(seconds(at) / (bin_seconds * static_cast<double>(slot_bins))));
  };
  const std::int64_t last = slot_of(to);
  for (std::int64_t slot = std::max(slot_of(from) + 1, last - slots_ahead); slot <= last; ++slot)
    if (was_busy(history, slot) && !was_busy(history, slot - 1)) return true;
  return false;
}

bool is_resting(const DemandHistory& history) { return history.started && history.recent.empty(); }

bool may_rest(const DemandHistory& history) {
  return history.covered >= idle_seconds && seconds(history.seen - history.gaps.last_arrival) >= idle_seconds &&
         !is_busy_ahead(history);
}

void rest(DemandHistory& history) {
  drop(history.recent);
  drop(history.residuals);
  drop(history.pending);
  history.answers = {};
}

void end_rest(DemandHistory& history) {
  history.recent.assign(recent_bins, -1);
  history.residuals.assign(point_forecasters * horizons, {residual_prior(), residual_prior()});
  history.pending.assign(pending_entries, {});
}

}  // namespace tidegate
