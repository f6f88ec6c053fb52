// A schedule: how many replicas are ready in each step of a NeedSeries, and what that costs and serves.
//
//   bill     = sum of replicas + boot * sum of rises           (replica-steps; a boot is billed from its order)
//   unserved = sum of max(load - replicas, 0) / sum of load    (share of the work, so of the requests)
//
// `unserved` counts work that finds no replica as lost: it does not wait and delays nobody. That is kinder than a
// queue in order of arrival, where one request served late makes the next ones late; `late_share` is that queue.
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

// How long the work in the queue may wait, and when it is given up.
struct QueueTerms {
  Duration wait = 2s;
  Duration hold = 50s;
};

// One step of a fluid queue in order of arrival, in replica-steps: the backlog grows by load - replicas. What arrives
// while it is above replicas * wait is late. Above replicas * hold (of one replica, while there is none) it is given
// up.
struct FluidStep {
  double backlog = 0;
  double late = 0;  // of the load
};
[[nodiscard]] FluidStep fluid_step(double backlog, double load, double replicas, double wait_steps, double hold_steps);

// The share of the work that is late.
[[nodiscard]] double late_share(const ReplicaSchedule& schedule, const NeedSeries& needs, const BoundTerms& terms,
                                const QueueTerms& queue);

// What to order so that the schedule is met: committed replicas (ready and warming) by step, every rise ordered
// `lead` before its step. Where a fall is closer to the next rise than `lead`, the replica is kept instead.
[[nodiscard]] ReplicaSchedule orders_for(const ReplicaSchedule& schedule, const NeedSeries& needs, Duration lead);

}  // namespace tidegate
