#include "lab/bounds/clairvoyant.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "lab/bounds/value_slopes.h"

namespace tidegate {
namespace {

constexpr int searches = 40;
constexpr double price_most = 1e9;
// The search ends when the allowed share is met this closely.
constexpr double share_precision = 0.002;

struct Priced {
  Clairvoyant found;
  double least = 0;
};

// Any price gives a lower bound: the least of cost + price * (unserved - allowed) is at most the cost of what is
// allowed.
Priced at_price(const NeedSeries& needs, const BoundTerms& terms, PriceOfUnserved price, double allowed) {
  Priced priced;
  auto& found = priced.found;
  found.price = price;
  found.schedule = cheapest_schedule(needs, terms, price);
  found.hours = replica_hours(found.schedule, needs, terms);
  found.unserved = unserved_share(found.schedule, needs, terms);
  double work = 0;
  for (std::size_t i = terms.scored_from; i < needs.load.size(); ++i) work += needs.load[i];
  priced.least = found.hours + price.replica_steps * (found.unserved - allowed) * work * needs.step_hours();
  return priced;
}

}  // namespace

ReplicaSchedule cheapest_schedule(const NeedSeries& needs, const BoundTerms& terms, PriceOfUnserved price) {
  const std::size_t steps = needs.load.size();
  ReplicaSchedule schedule(steps);
  if (steps == 0) return schedule;
  std::vector<SizeRange> ranges;
  ranges.reserve(steps);
  ValueSlopes slopes(needs, terms, price);
  for (const float load : needs.load) ranges.push_back(slopes.step(load));
  schedule.back() = ranges.back().low;
  for (std::size_t i = steps - 1; i-- > 0;)
    schedule[i] = std::clamp<std::int32_t>(schedule[i + 1], ranges[i].low, ranges[i].high);
  return schedule;
}

ReplicaSchedule cheapest_cover(const NeedSeries& needs, const BoundTerms& terms) {
  NeedSeries whole = needs;
  for (float& load : whole.load) load = std::ceil(load - 1e-4F);
  // One unserved replica-step then costs more than any schedule could save by it.
  return cheapest_schedule(whole, terms, {.replica_steps = 3 + 2 * terms.boot_steps(needs)});
}

Clairvoyant clairvoyant(const NeedSeries& needs, const BoundTerms& terms, double unserved_allowed) {
  CHECK(unserved_allowed >= 0);
  double low = 1, high = 16;
  Priced best = at_price(needs, terms, {high}, unserved_allowed);
  double least = best.least;
  while (best.found.unserved > unserved_allowed && high < price_most) {
    low = high;
    high *= 16;
    best = at_price(needs, terms, {high}, unserved_allowed);
    least = std::max(least, best.least);
  }
  for (int i = 0; i < searches && high / low > 1 + 1e-6; ++i) {
    if (best.found.unserved <= unserved_allowed && best.found.unserved >= unserved_allowed * (1 - share_precision))
      break;
    const double middle = std::sqrt(low * high);
    Priced tried = at_price(needs, terms, {middle}, unserved_allowed);
    least = std::max(least, tried.least);
    if (tried.found.unserved <= unserved_allowed) {
      high = middle;
      best = std::move(tried);
    } else {
      low = middle;
    }
  }
  best.found.hours_least = std::clamp(least, 0.0, best.found.hours);
  return best.found;
}

}  // namespace tidegate
