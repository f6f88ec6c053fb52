#include "lab/bounds/online_bounds.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace tidegate {

ReplicaSchedule lazy_capacity(const NeedSeries& needs, const BoundTerms& terms, PriceOfUnserved price) {
  ReplicaSchedule schedule;
  schedule.reserve(needs.load.size());
  ValueSlopes slopes(needs, terms, price);
  std::int32_t ready = terms.replicas_initial;
  for (const float load : needs.load) {
    const SizeRange range = slopes.step(load);
    ready = std::clamp<std::int32_t>(ready, range.low, range.high);
    schedule.push_back(ready);
  }
  return schedule;
}

LazyCapacity lazy_capacity_within(const NeedSeries& needs, const BoundTerms& terms, double unserved_allowed) {
  const auto at = [&](double price) {
    LazyCapacity found{.schedule = lazy_capacity(needs, terms, {price}), .price = {price}};
    found.hours = replica_hours(found.schedule, needs, terms);
    found.unserved = unserved_share(found.schedule, needs, terms);
    return found;
  };
  double low = 1, high = 16;
  LazyCapacity best = at(high);
  for (; best.unserved > unserved_allowed && high < 1e9; best = at(high)) {
    low = high;
    high *= 16;
  }
  while (best.unserved <= unserved_allowed && high / low > 1.01) {
    const double middle = std::sqrt(low * high);
    LazyCapacity tried = at(middle);
    if (tried.unserved <= unserved_allowed) {
      high = middle;
      best = std::move(tried);
    } else {
      low = middle;
    }
  }
  return best;
}

ReplicaSchedule ski_rental(const NeedSeries& needs, const BoundTerms& terms) {
  const double kept = terms.boot_steps(needs);
  const auto most = static_cast<std::size_t>(
      std::max({std::ceil(needs.load_max()), static_cast<double>(terms.replicas_initial), 0.0}));
  CHECK(most <= 30'000);
  // Per replica, in the order they are added: steps it has idled. Only those up to `ready` are there.
  std::vector<double> idle(most, 0);
  std::int32_t ready = terms.replicas_initial;
  ReplicaSchedule schedule;
  schedule.reserve(needs.load.size());
  for (const float load : needs.load) {
    const auto needed = std::clamp(static_cast<std::int32_t>(std::ceil(load - 1e-4F)), terms.replicas_min,
                                   std::max(terms.replicas_max, terms.replicas_min));
    for (std::int32_t k = 0; k < std::max(needed, ready); ++k)
      if (const auto each = static_cast<std::size_t>(k); each < most) idle[each] = k < needed ? 0 : idle[each] + 1;
    ready = std::max(ready, needed);
    while (ready > needed && idle[static_cast<std::size_t>(ready - 1)] > kept) --ready;
    schedule.push_back(ready);
  }
  return schedule;
}

}  // namespace tidegate
