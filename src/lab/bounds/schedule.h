// A schedule: how many replicas are ready in each step of a NeedSeries, and what that costs and serves.
//
//   bill     = sum of replicas + boot * sum of rises           (replica-steps; a boot is billed from its order)
//   unserved = sum of max(load - replicas, 0) / sum of load    (share of the work, so of the requests)
//
// `unserved` counts work that finds no replica as lost: it does not wait and delays nobody. That is kinder than a
// queue in order of arrival, where one request served late makes the next ones late; `late_share` is the fluid queue.
// Only steps from `scored_from` on count, and rises within them.
#pragma once

#include <cstdint>
#include <vector>

#include "lab/bounds/need_series.h"

namespace tidegate {

using ReplicaSchedule = std::vector<std::int32_t>;  // ready replicas by step

struct BoundTerms {
  Duration boot = 60s;                // order to ready; billed
  std::int32_t replicas_initial = 0;  // ready before the first step, already paid for
  std::int32_t replicas_min = 0;      // always kept
  std::int32_t replicas_max = 4096;
  std::size_t scored_from = 0;  // step

  [[nodiscard]] double boot_steps(const NeedSeries& needs) const { return seconds(boot) / seconds(needs.step); }
};

[[nodiscard]] double replica_hours(const ReplicaSchedule& schedule, const NeedSeries& needs, const BoundTerms& terms);
[[nodiscard]] double unserved_share(const ReplicaSchedule& schedule, const NeedSeries& needs, const BoundTerms& terms);

// The share of the work that waits longer than `wait` in one queue in order of arrival, as a fluid: the backlog grows
// by load - replicas, and what arrives behind a backlog of more than replicas * wait is late. None is dropped.
[[nodiscard]] double late_share(const ReplicaSchedule& schedule, const NeedSeries& needs, const BoundTerms& terms,
                                Duration wait);

// What to order so that the schedule is met: committed replicas (ready and warming) by step, every rise ordered
// `lead` before its step. Where a fall is closer to the next rise than `lead`, the replica is kept instead.
[[nodiscard]] ReplicaSchedule orders_for(const ReplicaSchedule& schedule, const NeedSeries& needs, Duration lead);

}  // namespace tidegate
