// The cheapest replica schedule in hindsight where work may wait: the clairvoyant of a queue in order of arrival, as
// the simulated plant has one. Small swings of the load then need no replica of their own, the queue takes them.
//
//   minimise   sum of replicas + boot * sum of rises + price * sum of late work        (replica-steps)
//
// by dynamic programming over time, size and backlog, backwards. The size may change every `stride` steps. With
// Q(y, b) the least cost from now on at size y with a backlog of b, and V(x, b) that of coming from size x:
//   Q(y, b) = cost of `stride` fluid steps (schedule.h) + V'(y, backlog after them)
//   V(x, b) = min over y of Q(y, b) + boot * max(y - x, 0)
// V is kept on a grid of backlogs, finer near zero, and read between its points along straight lines.
// O(steps * sizes * grid) time, a byte per stride, size and grid point (at most `memory_most`; longer strides else).
//
// The least price whose schedule is late for at most the allowed share of the work, measured by late_share, is searched
// for. Worked: see the tests, where loads are whole and the grid holds every backlog: the optimum of all schedules.
//
// Exact up to the grid: the schedule is feasible and its cost and lateness are those of the fluid queue itself; a
// cheaper one is missed only by what the grid rounds and by changes within a stride. Compared with the simulated plant
// it is kind: work moves between replicas, a lowered one is gone at once, no request is longer than a step.
#pragma once

#include "lab/bounds/schedule.h"

namespace tidegate {

struct QueueGrid {
  std::int32_t stride = 5;       // steps between changes of size
  std::int32_t sizes_most = 96;  // beyond it sizes are tried in equal strides
  std::vector<double> backlogs;  // from 0 on, rising; empty: a default for the sizes and the wait
};

struct PriceOfLate {
  double replica_steps = 1;  // per replica-step of late work
};

[[nodiscard]] ReplicaSchedule queue_schedule(const NeedSeries& needs, const BoundTerms& terms, const QueueTerms& queue,
                                             PriceOfLate price, const QueueGrid& grid = {});

struct QueueClairvoyant {
  ReplicaSchedule schedule;
  double hours = 0;
  double late = 0;  // share
  PriceOfLate price;
};

[[nodiscard]] QueueClairvoyant queue_clairvoyant_at(const NeedSeries& needs, const BoundTerms& terms,
                                                    const QueueTerms& queue, PriceOfLate price,
                                                    const QueueGrid& grid = {});

// The cheapest found whose late share is within what is allowed.
[[nodiscard]] QueueClairvoyant queue_clairvoyant(const NeedSeries& needs, const BoundTerms& terms,
                                                 const QueueTerms& queue, double late_allowed,
                                                 const QueueGrid& grid = {});

}  // namespace tidegate
