#include "core/policy/peers/cloud_metric.h"

#include <algorithm>

namespace tidegate {
namespace {

constexpr Duration gap_most = 5min;
constexpr std::size_t joined_most = 64;

Instant period_end(Instant now, Duration period) {
  const auto into = now.time_since_epoch() % period;
  return into == Duration::zero() ? now : now - into + period;
}

bool is_breach(Breach breach, double value, double threshold) {
  switch (breach) {
    case Breach::above:
      return value > threshold;
    case Breach::at_or_above:
      return value >= threshold;
    case Breach::below:
      return value < threshold;
    case Breach::at_or_below:
      return value <= threshold;
  }
  return false;
}

// A period that no tick fell into has no datapoint.
void close_period(PeriodMetric& metric) {
  const double samples = std::max(metric.samples, 1);
  if (metric.asked)
    metric.coming.push_back({.end = metric.closes,
                             .value = metric.sum / samples,
                             .instances = metric.instances / samples,
                             .known = metric.samples > 0});
  if (metric.coming.size() > PeriodMetric::kept_most) metric.coming.erase(metric.coming.begin());
  metric.sum = metric.instances = 0;
  metric.samples = 0;
  metric.asked = false;
}

}  // namespace

bool observe(PeriodMetric& metric, const MetricCadence& cadence, Instant now, const MetricSample& sample) {
  if (metric.closes == Instant{} || now - metric.closes > std::max(gap_most, 2 * cadence.period))
    metric = {.closes = period_end(now, cadence.period)};
  if (now > metric.closes) {
    close_period(metric);
    metric.closes = period_end(now, cadence.period);
  }
  metric.asked = true;
  if (sample.reading.is_fresh()) {
    metric.sum += sample.reading.value;
    metric.instances += sample.instances;
    ++metric.samples;
  }
  if (now == metric.closes) {
    close_period(metric);
    metric.closes = now + cadence.period;
  }
  std::size_t ripe = 0;
  while (ripe < metric.coming.size() && metric.coming[ripe].end + cadence.delay <= now) ++ripe;
  if (ripe == 0) return false;
  const auto begin = metric.coming.begin();
  metric.seen.insert(metric.seen.end(), begin, begin + static_cast<std::ptrdiff_t>(ripe));
  metric.coming.erase(begin, begin + static_cast<std::ptrdiff_t>(ripe));
  if (metric.seen.size() > PeriodMetric::kept_most)
    metric.seen.erase(metric.seen.begin(), metric.seen.end() - PeriodMetric::kept_most);
  return true;
}

bool rings(const PeriodMetric& metric, const AlarmRule& rule) {
  const auto periods = static_cast<std::size_t>(std::max(rule.periods, 1));
  if (metric.seen.size() < periods) return false;
  const auto breaching = std::count_if(
      metric.seen.end() - static_cast<std::ptrdiff_t>(periods), metric.seen.end(),
      [&](const Datapoint& point) { return point.known && is_breach(rule.breach, point.value, rule.threshold); });
  return breaching >= std::max(rule.needed, 1);
}

double WarmUp::replicas() const {
  double sum = 0;
  for (const auto& one : joined) sum += one.replicas;
  return sum;
}

void observe(WarmUp& warm, Instant now, double ready, Duration warm_up) {
  if (warm.started && ready > warm.ready) {
    if (warm.joined.size() < joined_most)
      warm.joined.push_back({now, ready - warm.ready});
    else
      warm.joined.back() = {now, warm.joined.back().replicas + ready - warm.ready};
  }
  warm.started = true;
  warm.ready = ready;
  if (!warm.joined.empty())
    std::erase_if(warm.joined, [&](const WarmUp::Joined& one) { return now - one.at >= warm_up; });
}

}  // namespace tidegate
