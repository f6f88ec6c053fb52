#include "core/policy/peers/aws_predictive.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr std::int64_t day = 24, week = 7 * day;  // hours
constexpr std::int64_t refresh = 6;
constexpr SeasonalShape two_weeks{.length = 1h, .capacity = 2 * week};

// The median of up to three weeks is their mean without the lowest and the highest of three.
std::optional<double> load_of(const SeasonalHistory& history, std::int64_t hour) {
  double sum = 0, lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
  int found = 0;
  if (length_of(history) >= week)
    for (auto past = hour - week; past >= hour - 3 * week; past -= week)
      if (const auto value = value_at(history, past)) {
        sum += *value;
        lowest = std::min(lowest, *value);
        highest = std::max(highest, *value);
        ++found;
      }
  if (found == 3) return sum - lowest - highest;
  if (found > 0) return sum / found;
  for (auto past = hour - day; past >= hour - week; past -= day)
    if (const auto value = value_at(history, past)) return value;
  return std::nullopt;
}

void forecast_anew(AwsPredictiveMemory& memory) {
  const auto hour = memory.history.bucket;
  memory.has_forecast = true;
  memory.forecast_from = hour;
  for (std::size_t ahead = 0; ahead < memory.forecast.size(); ++ahead) {
    const auto load = load_of(memory.history, hour + static_cast<std::int64_t>(ahead));
    memory.forecast[ahead] = load ? static_cast<float>(*load) : -1;
  }
}

double capacity_of(const AwsPredictivePolicy& policy, const AwsPredictiveMemory& memory, std::int64_t hour) {
  const auto ahead = hour - memory.forecast_from;
  if (ahead < 0 || ahead >= static_cast<std::int64_t>(memory.forecast.size())) return 0;
  const double load = memory.forecast[static_cast<std::size_t>(ahead)];
  return load > 0 ? std::ceil(load / policy.tracking.target_value - 1e-6) : 0;
}

}  // namespace

Proposal propose(const AwsPredictivePolicy& policy, AwsPredictiveMemory& memory, const PolicyInput& input) {
  const Reading average = replica_average(policy.tracking.metric, input);
  track_target(policy.tracking, memory.tracking, input, average);
  const auto before = memory.history.bucket;
  observe(memory.history, two_weeks, input.seen.now, replica_total(policy.tracking.metric, input).fresh());
  const auto hour = memory.history.bucket;
  const bool is_due = !memory.has_forecast || hour - memory.forecast_from >= refresh;
  if (hour != before && is_due && length_of(memory.history) >= day) forecast_anew(memory);

  double capacity = 0;
  if (memory.has_forecast) {
    const auto soon = (input.seen.now + policy.scheduling_buffer_time).time_since_epoch() / two_weeks.length;
    capacity = std::max(capacity_of(policy, memory, hour), capacity_of(policy, memory, soon));
    if (policy.mode == AwsForecastMode::forecast_and_scale && capacity > memory.tracking.size.replicas)
      resize(memory.tracking.size, capacity, input);
  }
  auto proposal = exact_proposal("aws_predictive", memory.tracking.size, input, average);
  proposal.facts.push_back({"forecast", capacity});
  if (capacity > committed(input) && capacity >= memory.tracking.size.replicas)
    proposal.band.floor_reason = Reason::forecast_demand;
  return proposal;
}

}  // namespace tidegate
