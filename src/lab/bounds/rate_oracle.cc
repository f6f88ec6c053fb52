#include "lab/bounds/rate_oracle.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "lab/bounds/clairvoyant.h"

namespace tidegate {
namespace {

constexpr double z_least = -4;
constexpr double z_most = 40;
constexpr double z_precision = 0.01;

ReplicaSchedule staffed(const NeedSeries& smooth, const BoundTerms& terms, double slots, double variability, double z) {
  NeedSeries need = smooth;
  for (float& load : need.load)
    load = static_cast<float>(std::max(load + z * std::sqrt(load * variability / slots), 0.0));
  return cheapest_cover(need, terms);
}

}  // namespace

NeedSeries smoothed(const NeedSeries& needs, Duration window) {
  CHECK(window >= Duration::zero());
  const auto half = static_cast<std::size_t>(window / needs.step / 2);
  NeedSeries smooth{.step = needs.step, .load = {}};
  smooth.load.reserve(needs.load.size());
  double sum = 0;
  std::size_t from = 0, to = 0;  // the steps in `sum`
  for (std::size_t i = 0; i < needs.load.size(); ++i) {
    for (; to < std::min(i + half + 1, needs.load.size()); ++to) sum += needs.load[to];
    for (; from + half < i; ++from) sum -= needs.load[from];
    smooth.load.push_back(static_cast<float>(std::max(sum, 0.0) / static_cast<double>(to - from)));
  }
  return smooth;
}

double load_variability(const NeedSeries& needs, const NeedSeries& smooth, const BoundTerms& terms, double slots) {
  double spread = 0, poisson = 0;
  for (std::size_t i = terms.scored_from; i < needs.load.size(); ++i) {
    const double off = needs.load[i] - smooth.load[i];
    spread += off * off;
    poisson += smooth.load[i] / slots;
  }
  return poisson > 0 ? spread / poisson : 1;
}

RateOracle rate_oracle_at(const NeedSeries& needs, const BoundTerms& terms, const RateOracleTerms& oracle, double z,
                          const QueueTerms& queue) {
  CHECK(oracle.slots > 0);
  const NeedSeries smooth = smoothed(needs, oracle.window);
  RateOracle found{.z = z, .variability = load_variability(needs, smooth, terms, oracle.slots)};
  found.schedule = staffed(smooth, terms, oracle.slots, found.variability, z);
  found.hours = replica_hours(found.schedule, needs, terms);
  found.late = late_share(found.schedule, needs, terms, queue);
  return found;
}

RateOracle rate_oracle(const NeedSeries& needs, const BoundTerms& terms, const RateOracleTerms& oracle,
                       double late_allowed, const QueueTerms& queue) {
  double low = z_least, high = 4;
  RateOracle best = rate_oracle_at(needs, terms, oracle, high, queue);
  while (best.late > late_allowed && high < z_most) {
    low = high;
    high = std::min(high + 6, z_most);
    best = rate_oracle_at(needs, terms, oracle, high, queue);
  }
  while (best.late <= late_allowed && high - low > z_precision) {
    const double middle = (low + high) / 2;
    RateOracle tried = rate_oracle_at(needs, terms, oracle, middle, queue);
    if (tried.late <= late_allowed) {
      high = middle;
      best = std::move(tried);
    } else {
      low = middle;
    }
  }
  return best;
}

}  // namespace tidegate
