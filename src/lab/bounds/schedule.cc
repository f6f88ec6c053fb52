#include "lab/bounds/schedule.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace tidegate {

double replica_hours(const ReplicaSchedule& schedule, const NeedSeries& needs, const BoundTerms& terms) {
  CHECK(schedule.size() == needs.load.size());
  double ready = 0, rises = 0;
  std::int32_t before = terms.replicas_initial;
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    if (i >= terms.scored_from) {
      ready += schedule[i];
      rises += std::max(schedule[i] - before, 0);
    }
    before = schedule[i];
  }
  return (ready + rises * terms.boot_steps(needs)) * needs.step_hours();
}

double unserved_share(const ReplicaSchedule& schedule, const NeedSeries& needs, const BoundTerms& terms) {
  CHECK(schedule.size() == needs.load.size());
  double work = 0, unserved = 0;
  for (std::size_t i = terms.scored_from; i < schedule.size(); ++i) {
    work += needs.load[i];
    unserved += std::max(static_cast<double>(needs.load[i]) - schedule[i], 0.0);
  }
  return work > 0 ? unserved / work : 0;
}

FluidStep fluid_step(double backlog, double load, double replicas, double wait_steps, double hold_steps) {
  const double allowed = replicas * wait_steps;
  const double after = std::max(backlog + load - replicas, 0.0);
  const double kept = std::min(after, std::max(replicas, 1.0) * hold_steps);
  const double low = std::min(backlog, after), high = std::max(backlog, after);
  if (high <= allowed) return {kept, 0};
  if (low >= allowed) return {kept, load};
  // The backlog moves evenly from its old to its new height; what arrives while it is above `allowed` is late.
  return {kept, load * (high - allowed) / (high - low)};
}

double late_share(const ReplicaSchedule& schedule, const NeedSeries& needs, const BoundTerms& terms,
                  const QueueTerms& queue) {
  CHECK(schedule.size() == needs.load.size());
  const double wait = seconds(queue.wait) / seconds(needs.step), hold = seconds(queue.hold) / seconds(needs.step);
  double backlog = 0, work = 0, late = 0;
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    const FluidStep step = fluid_step(backlog, needs.load[i], schedule[i], wait, hold);
    backlog = step.backlog;
    if (i < terms.scored_from) continue;
    work += needs.load[i];
    late += step.late;
  }
  return work > 0 ? late / work : 0;
}

ReplicaSchedule orders_for(const ReplicaSchedule& schedule, const NeedSeries& needs, Duration lead) {
  const auto ahead = static_cast<std::size_t>(std::ceil(seconds(lead) / seconds(needs.step)));
  // committed(t) = the most that must be ready within the lead: a fall waits for a rise that is already ordered.
  ReplicaSchedule orders(schedule.size());
  std::vector<std::size_t> highest;  // places of a falling sequence within the window, a queue from `head`
  std::size_t head = 0, next = 0;
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    for (; next < schedule.size() && next <= i + ahead; ++next) {
      while (highest.size() > head && schedule[highest.back()] <= schedule[next]) highest.pop_back();
      highest.push_back(next);
    }
    while (highest[head] < i) ++head;
    orders[i] = schedule[highest[head]];
  }
  return orders;
}

}  // namespace tidegate
