#include "core/policy/peers/gcp.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr Duration minute = 60s;
constexpr std::int64_t day = 144;  // slots of ten minutes
constexpr SeasonalShape three_weeks{.length = 10min, .capacity = 21 * day};
constexpr std::int64_t least_days = 3;
constexpr double level_weight = 1.0 / 60;  // of a minute: an hour's memory

std::optional<double> mean_of_past(const SeasonalHistory& history, std::int64_t slot, std::int64_t step) {
  double sum = 0, count = 0;
  for (auto past = slot - step; past >= slot - 21 * day; past -= step)
    if (const auto value = value_at(history, past)) sum += *value, count += 1;
  return count > 0 ? std::optional{sum / count} : std::nullopt;
}

std::optional<double> seasonal(const SeasonalHistory& history, std::int64_t slot) {
  const auto daily = mean_of_past(history, slot, day);
  const auto weekly = length_of(history) >= 14 * day ? mean_of_past(history, slot, 7 * day) : std::nullopt;
  return daily && weekly ? std::optional{(*daily + *weekly) / 2} : daily;
}

double forecast_need(const GcpPolicy& policy, GcpMemory& memory, Instant now, const Datapoint& newest) {
  SeasonalHistory& history = memory.history;
  observe(history, three_weeks, newest.end - minute, newest.value);
  if (length_of(history) < least_days * day) return 0;
  if (const auto usual = seasonal(history, history.bucket); usual && *usual > 0)
    memory.level += level_weight * (std::clamp(newest.value / *usual, 0.5, 2.0) - memory.level);
  double highest = 0;
  const auto last = (now + policy.initialization_period).time_since_epoch() / three_weeks.length;
  for (auto slot = now.time_since_epoch() / three_weeks.length; slot <= last; ++slot)
    highest = std::max(highest, seasonal(history, slot).value_or(0) * memory.level);
  return std::ceil(highest / policy.utilization_target - 1e-9);
}

void look(const GcpPolicy& policy, GcpMemory& memory, const PolicyInput& input) {
  const Instant now = input.seen.now;
  const double size = rebase(memory.size, input);
  const Datapoint& newest = memory.metric.seen.back();
  if (!newest.known || size <= 0) return;
  observe(memory.needs, now, policy.stabilization_period,
          std::max(1.0, std::ceil(newest.value / policy.utilization_target - 1e-9)));
  double wanted = highest(memory.needs, now, policy.stabilization_period);
  observe(memory.sizes, now, policy.scale_in_window, size);
  if (policy.max_scaled_in_replicas)
    wanted =
        std::max(wanted, highest(memory.sizes, now, policy.scale_in_window) - policy.max_scaled_in_replicas->value());
  if (policy.predictive) wanted = std::max(wanted, forecast_need(policy, memory, now, newest));
  if (policy.mode == GcpMode::only_scale_out) wanted = std::max(wanted, size);
  if (policy.mode != GcpMode::off) resize(memory.size, wanted, input);
}

}  // namespace

Proposal propose(const GcpPolicy& policy, GcpMemory& memory, const PolicyInput& input) {
  const Reading total = replica_total(policy.metric, input);
  if (!memory.size.started)
    observe(memory.needs, input.seen.now, policy.stabilization_period, rebase(memory.size, input));
  if (observe(memory.metric, {.period = minute, .delay = policy.metric_delay}, input.seen.now, {total, input.ready}))
    look(policy, memory, input);
  return exact_proposal("gcp", memory.size, input, total);
}

}  // namespace tidegate
