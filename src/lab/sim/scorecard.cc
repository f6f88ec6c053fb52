#include "lab/sim/scorecard.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace tidegate {
namespace {

constexpr Duration flap_window = 5min;

Duration measured(LatencyKind kind, const RequestEnd& end) {
  switch (kind) {
    case LatencyKind::ttft:
      return end.ttft;
    case LatencyKind::latency:
      return end.latency;
    case LatencyKind::queue_wait:
      return end.wait;
    case LatencyKind::itl:
      return end.itl;
  }
  return Duration::zero();
}

double hours(Duration d) { return seconds(d) / 3600; }

}  // namespace

bool is_within(const Slo& slo, const RequestEnd& end) {
  return end.outcome == RequestOutcome::served && std::ranges::all_of(slo.objectives, [&](const auto& objective) {
           return measured(objective.kind, end) <= objective.bound;
         });
}

double quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  const auto index = std::clamp<std::size_t>(rank, 1, values.size()) - 1;
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(index));
  return values[index];
}

void Scorecard::replica(Duration life, double gpus, std::optional<MicroUsdPerHour> price) {
  score_.replica_hours += hours(life);
  score_.gpu_hours += hours(life) * gpus;
  if (price) score_.cost += hours(life) * static_cast<double>(price->value()) * 1e-6;
}

void Scorecard::decided(Instant now, Replicas total) {
  score_.replicas_max = std::max(score_.replicas_max, total.value());
  score_.replicas_last = total.value();
  const auto before = std::exchange(size_, total);
  if (!before || *before == total) return;
  ++score_.scale_events;
  const int direction = total > *before ? 1 : -1;
  if (direction_ != 0 && direction != direction_) {
    ++score_.reversals;
    if (now - *changed_at_ <= flap_window) ++score_.flaps;
  }
  direction_ = direction;
  changed_at_ = now;
}

Score Scorecard::score() const {
  auto score = score_;
  std::uint64_t within = 0;
  for (const auto& end : ends_) {
    within += is_within(slo_, end);
    score.dropped += end.outcome == RequestOutcome::dropped;
    score.cut += end.outcome == RequestOutcome::cut;
    score.cold_start_exposed += end.cold_start_exposed;
  }
  score.requests = ends_.size();
  if (!ends_.empty()) score.attainment = static_cast<double>(within) / static_cast<double>(ends_.size());
  return score;
}

std::optional<double> Scorecard::latency_quantile(LatencyKind kind, double q) const {
  if (kind == LatencyKind::itl) return std::nullopt;
  std::vector<double> values;
  for (const auto& end : ends_)
    if (end.outcome == RequestOutcome::served) values.push_back(seconds(measured(kind, end)));
  return quantile(values, q);
}

double Scorecard::minutes_below(LatencyKind kind, double q, double bound) const {
  std::map<std::int64_t, std::vector<double>> minutes;
  for (const auto& end : ends_) {
    // A request that was never served took for ever.
    const double value = end.outcome == RequestOutcome::served ? seconds(measured(kind, end)) : HUGE_VAL;
    minutes[end.arrival.time_since_epoch() / 1min].push_back(value);
  }
  if (minutes.empty()) return 1;
  const auto good = std::ranges::count_if(minutes, [&](auto& minute) { return quantile(minute.second, q) < bound; });
  return static_cast<double>(good) / static_cast<double>(minutes.size());
}

double Scorecard::attainment(Instant from, Instant to) const {
  std::uint64_t all = 0, within = 0;
  for (const auto& end : ends_)
    if (end.arrival >= from && end.arrival < to) ++all, within += is_within(slo_, end);
  return all == 0 ? 1 : static_cast<double>(within) / static_cast<double>(all);
}

}  // namespace tidegate
