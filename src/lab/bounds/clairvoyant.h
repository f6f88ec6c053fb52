// The cheapest replica schedule in hindsight: what a scaler would have cost that knew every request beforehand.
//
//   minimise   sum of replicas + boot * sum of rises + price * sum of max(load - replicas, 0)        (replica-steps)
//
// by dynamic programming over steps and sizes. With V(x) the cheapest way to end a step at x replicas, a step is
//   V(x) <- load cost of x + min(min over y >= x of V(y), min over y <= x of V(y) + boot * (x - y)).
// V is convex, so only its slopes are kept: a step clips them into [0, boot] and adds the slopes of the step's cost.
// Ending at x, the best schedule is read backwards: x(t) = x(t+1) clamped into [low(t), high(t)], where low counts the
// sizes with a slope below 0 and high those with a slope below boot (Lin, Wierman, Andrew, Thereska 2011).
// O(steps * sizes) time, 4 bytes a step.
//
// `price` is what a replica-step of unserved work is worth. The least price that leaves at most the allowed share
// unserved is searched for, so the answer is at equal attainment.
// Worked: boot 2 steps, loads 1 0 0 0 1, everything served: dropping the replica saves 3 and costs 2: 1 0 0 0 1.
//
// Exact: for a given price, the optimum over all schedules of whole replicas (the property test compares it with all
// schedules of small cases). `hours_least` is Lagrange's bound: no schedule that leaves at most the allowed share
// unserved costs less, given the need and the size at which the scored part begins. `hours` is the schedule found;
// the two differ by a step of the search.
// Kinder than a real fleet: the need is averaged over a step, work moves between replicas, unserved work is lost, not
// late, a lowered replica is gone at once, boots take exactly `boot`. Less kind: work cannot wait for the next step, so
// where the SLO allows waits of several steps a queue needs fewer replicas at the peaks of the noise.
#pragma once

#include "lab/bounds/schedule.h"
#include "lab/bounds/value_slopes.h"

namespace tidegate {

// The optimum for one price.
[[nodiscard]] ReplicaSchedule cheapest_schedule(const NeedSeries& needs, const BoundTerms& terms,
                                                PriceOfUnserved price);

// The cheapest that serves everything: a replica for every part of the load.
[[nodiscard]] ReplicaSchedule cheapest_cover(const NeedSeries& needs, const BoundTerms& terms);

struct Clairvoyant {
  ReplicaSchedule schedule;
  double hours = 0;
  double hours_least = 0;  // lower bound over all schedules at the allowed share
  double unserved = 0;     // share
  PriceOfUnserved price;
};

// `unserved_allowed`: the share of the work that may be missed, e.g. 0.01.
[[nodiscard]] Clairvoyant clairvoyant(const NeedSeries& needs, const BoundTerms& terms, double unserved_allowed);

}  // namespace tidegate
