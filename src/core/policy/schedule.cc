#include "core/policy/schedule.h"

#include <algorithm>

#include "core/base/time_zone.h"

namespace tidegate {

Proposal propose(const SchedulePolicy& policy, const PolicyInput& input) {
  Proposal proposal{.note = "schedule"};
  // The configuration refuses unknown zones; an unknown one here is UTC.
  const auto* zone = find_time_zone(input.spec.timezone);
  const Duration offset = zone == nullptr ? Duration::zero() : utc_offset(*zone, input.seen.now);
  double floor = 0;
  for (const ScheduleEntry& entry : policy.entries) {
    const auto started = last_firing(entry.start, input.seen.now, offset);
    const auto ended = last_firing(entry.end, input.seen.now, offset);
    if (!started || (ended && *ended >= *started)) continue;
    floor = std::max(floor, static_cast<double>(entry.replicas_min.value()));
    if (entry.replicas_max) {
      const WeightedReplicas cap{static_cast<double>(entry.replicas_max->value())};
      proposal.cap = proposal.cap ? std::min(*proposal.cap, cap) : cap;
    }
  }
  proposal.band = {.floor = WeightedReplicas{floor},
                   .ceiling = WeightedReplicas{floor},
                   .floor_reason = floor > 0 ? Reason::schedule : Reason::steady,
                   .ceiling_reason = Reason::schedule};
  return proposal;
}

}  // namespace tidegate
