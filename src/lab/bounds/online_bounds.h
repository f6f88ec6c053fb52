// What can be had without knowing anything ahead, if replicas could be there at once and were billed their boot all
// the same: two online rules with a proven worst case. They show how much of a scaler's cost is the lack of a forecast
// and how much the boot.
//
// Lazy capacity provisioning: x(t) = x(t-1) clamped into [low(t), high(t)], the range between which the best schedule
// of the past passes now (value_slopes.h). Its cost is at most 3 times the optimum of the same price.
//
// Ski rental: serves the whole load; an idle replica, the last one added first, is kept as long as its boot costs and
// released then. Each gap costs at most twice what knowing its length would: worked: boot 60 s, idle for 50 s: kept, as
// the optimum; idle for 70 s: 60 s kept and a boot, against a boot.
#pragma once

#include "lab/bounds/schedule.h"
#include "lab/bounds/value_slopes.h"

namespace tidegate {

[[nodiscard]] ReplicaSchedule lazy_capacity(const NeedSeries& needs, const BoundTerms& terms, PriceOfUnserved price);

struct LazyCapacity {
  ReplicaSchedule schedule;
  double hours = 0;
  double unserved = 0;  // share
  PriceOfUnserved price;
};

// Of the least price that leaves at most the allowed share unserved.
[[nodiscard]] LazyCapacity lazy_capacity_within(const NeedSeries& needs, const BoundTerms& terms,
                                                double unserved_allowed);

[[nodiscard]] ReplicaSchedule ski_rental(const NeedSeries& needs, const BoundTerms& terms);

}  // namespace tidegate
