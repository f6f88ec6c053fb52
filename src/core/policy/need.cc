#include "core/policy/need.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/capacity/staffing.h"

namespace tidegate {
namespace {

constexpr double wait_default = 2;  // seconds
constexpr double first_token_part = 0.2;
constexpr double flow_credible = 1.5;    // of the smoothed load: a burst is not a level
constexpr double spread_credible = 0.5;  // of the load: a step is not a spread
constexpr double service_tail = 1.5;
constexpr double slack_least_part = 0.05;  // of a bound, however slow the service

double slack_of(const Objective& objective, const Capacity& capacity) {
  const double bound = seconds(objective.bound);
  switch (objective.kind) {
    case LatencyKind::queue_wait:
      return bound;
    case LatencyKind::ttft:
      return bound * (1 - first_token_part);
    case LatencyKind::latency:
      return std::max(bound - service_tail * capacity.residence(capacity.slots), slack_least_part * bound);
    case LatencyKind::itl:
      break;
  }
  return wait_default;
}

}  // namespace

WaitPromise wait_promise(const Slo& slo, const Capacity& capacity) {
  WaitPromise strictest{.slack = wait_default, .allowance = 1};
  for (const Objective& objective : slo.objectives) {
    const double allowance = 1 - fraction(objective.percentile);
    const double slack = slack_of(objective, capacity);
    const bool same = allowance == strictest.allowance;
    if (allowance < strictest.allowance || (same && slack < strictest.slack)) strictest = {slack, allowance};
  }
  return strictest;
}

double busy_slots(double in_flight, double ready, const Capacity& capacity) {
  if (!(in_flight > 0)) return 0;
  const double each = ready > 0 ? std::min(in_flight / ready, capacity.slots) : capacity.slots;
  return in_flight * capacity.residence(capacity.slots) / capacity.residence(each);
}

double present_need(const ServiceLoad& load, double quantile) {
  if (!(load.busy > 0)) return 0;
  const double noise = std::sqrt(load.busy);
  const double measured = noise * std::sqrt(std::max(load.variability, 0.0));
  const double spread = normal_quantile(quantile) * std::min(measured, std::max(noise, spread_credible * load.busy));
  return std::max(load.busy + spread, 0.0) / load.slots;
}

double forecast_need(const ServiceLoad& load, const RateQuantiles& rate, double quantile) {
  double asked = std::max(rate.at(quantile), 0.0);
  const double window = load.residence + load.slack;
  const double median = std::max(rate.at(0.5), 0.0);
  if (window > bin_seconds && quantile > 0.5 && median > 0) {
    const double deviation = asked - median;
    const double z = normal_quantile(quantile);
    const double noise =
        std::min(z * z * std::max(load.variability, 0.0) * median / bin_seconds, deviation * deviation);
    asked = median + std::sqrt(deviation * deviation - noise * (1 - bin_seconds / window));
  }
  return asked / load.replica_rate();
}

double drain_need(const ServiceLoad& load, const Backlog& backlog) {
  if (!(load.queued > 0)) return 0;
  if (!load.rate_known) return (load.busy + load.queued) / load.slots;
  const double rate = load.replica_rate();
  const double late = load.queued - backlog.ready * rate * load.slack;
  if (late <= 0) return 0;
  const double time = std::max({load.slack, backlog.within, load.residence});
  const double flow = std::min(load.flow * load.residence, flow_credible * load.busy);
  return std::max(load.busy, flow) / load.slots + late / (rate * time);
}

double recovery_time(const ServiceLoad& load, Duration boot, double allowance) {
  if (!(load.flow > 0)) return std::numeric_limits<double>::infinity();
  return std::sqrt(load.queued / load.flow * seconds(boot) * allowance);
}

}  // namespace tidegate
