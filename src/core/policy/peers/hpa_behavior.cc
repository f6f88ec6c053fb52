#include "core/policy/peers/hpa_behavior.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/policy/peers/milli.h"

namespace tidegate {
namespace {

constexpr std::size_t kept_most = 512;

// Into the last place whose entry is done with, else behind the others.
template <class Entry, class IsDone>
void record(std::vector<Entry>& log, const Entry& entry, IsDone is_done) {
  const auto last = std::find_if(log.rbegin(), log.rend(), is_done);
  if (last != log.rend()) {
    *last = entry;
  } else if (log.size() < kept_most) {
    log.push_back(entry);
  } else {
    *std::ranges::min_element(log, {}, &Entry::at) = entry;
  }
}

// Replicas at the begin of a policy's period.
double start_of(const HpaLog& log, Instant now, Duration period, std::int32_t current) {
  return static_cast<double>(std::int64_t{current} - changed_within(log.ups, now, period) +
                             changed_within(log.downs, now, period));
}

}  // namespace

HpaScalingRules default_rules_up() {
  return {.policies = {{.unit = HpaScalingUnit::pods, .value = 4, .period = 15s},
                       {.unit = HpaScalingUnit::percent, .value = 100, .period = 15s}}};
}

HpaScalingRules default_rules_down() {
  return {.window = 5min, .policies = {{.unit = HpaScalingUnit::percent, .value = 100, .period = 15s}}};
}

std::int32_t stabilize(std::vector<HpaRecommendation>& log, Instant now, Duration window, std::int32_t desired) {
  std::int32_t highest = desired;
  for (const auto& old : log)
    if (now - old.at < window) highest = std::max(highest, old.replicas);
  record(log, {now, desired}, [&](const HpaRecommendation& old) { return now - old.at >= window; });
  return highest;
}

std::int32_t stabilize(std::vector<HpaRecommendation>& log, Instant now, Duration window_up, Duration window_down,
                       std::int32_t current, std::int32_t desired) {
  std::int32_t up = desired;
  std::int32_t down = desired;
  for (const auto& old : log) {
    if (now - old.at < window_up) up = std::min(up, old.replicas);
    if (now - old.at < window_down) down = std::max(down, old.replicas);
  }
  record(log, {now, desired},
         [&](const HpaRecommendation& old) { return now - old.at >= std::max(window_up, window_down); });
  return std::min(std::max(current, up), down);
}

HpaSize limit(HpaBounds bounds, HpaScaleUpLimit up, std::int32_t current, std::int32_t desired) {
  const std::int32_t reach =
      saturated_int32(std::max(static_cast<double>(up.factor) * current, static_cast<double>(up.minimum)));
  const std::int32_t most = std::min(bounds.replicas_max, reach);
  if (desired < bounds.replicas_min) return {bounds.replicas_min, HpaReason::too_few_replicas};
  if (desired > most)
    return {most, reach < bounds.replicas_max ? HpaReason::scale_up_limit : HpaReason::too_many_replicas};
  return {desired, HpaReason::desired_within_range};
}

std::int32_t limit_up(const HpaScalingRules& rules, const HpaLog& log, Instant now, std::int32_t current) {
  if (rules.select == HpaSelect::disabled) return current;
  const bool wants_least = rules.select == HpaSelect::min;
  std::int32_t reach =
      wants_least ? std::numeric_limits<std::int32_t>::max() : std::numeric_limits<std::int32_t>::min();
  for (const auto& policy : rules.policies) {
    const double start = start_of(log, now, policy.period, current);
    const double proposed =
        policy.unit == HpaScalingUnit::pods ? start + policy.value : std::ceil(start * (1 + policy.value / 100.0));
    reach = wants_least ? std::min(reach, saturated_int32(proposed)) : std::max(reach, saturated_int32(proposed));
  }
  return reach;
}

std::int32_t limit_down(const HpaScalingRules& rules, const HpaLog& log, Instant now, std::int32_t current) {
  if (rules.select == HpaSelect::disabled) return current;
  const bool wants_least = rules.select == HpaSelect::min;
  std::int32_t reach =
      wants_least ? std::numeric_limits<std::int32_t>::min() : std::numeric_limits<std::int32_t>::max();
  for (const auto& policy : rules.policies) {
    const double start = start_of(log, now, policy.period, current);
    const double proposed =
        policy.unit == HpaScalingUnit::pods ? start - policy.value : start * (1 - policy.value / 100.0);
    reach = wants_least ? std::max(reach, saturated_int32(proposed)) : std::min(reach, saturated_int32(proposed));
  }
  return reach;
}

HpaSize limit(HpaBounds bounds, const HpaScalingRules& up, const HpaScalingRules& down, const HpaLog& log, Instant now,
              std::int32_t current, std::int32_t desired) {
  if (desired > current) {
    const std::int32_t reach = std::max(current, limit_up(up, log, now, current));
    const std::int32_t most = std::min(bounds.replicas_max, reach);
    if (desired > most)
      return {most, bounds.replicas_max > reach ? HpaReason::scale_up_limit : HpaReason::too_many_replicas};
  } else if (desired < current) {
    const std::int32_t reach = std::min(current, limit_down(down, log, now, current));
    const std::int32_t least = std::max(bounds.replicas_min, reach);
    if (desired < least)
      return {least, bounds.replicas_min < reach ? HpaReason::scale_down_limit : HpaReason::too_few_replicas};
  }
  return {desired, HpaReason::desired_within_range};
}

std::int32_t changed_within(const std::vector<HpaScaleEvent>& events, Instant now, Duration period) {
  std::int64_t sum = 0;
  for (const auto& event : events)
    if (now - event.at < period) sum += event.change;
  return saturated_int32(static_cast<double>(sum));
}

void store_event(const HpaScalingRules& rules, std::vector<HpaScaleEvent>& events, Instant now, std::int32_t change) {
  Duration longest{};
  for (const auto& policy : rules.policies) longest = std::max(longest, policy.period);
  for (auto& event : events) event.outdated |= now - event.at >= longest;
  record(events, {now, change, false}, [](const HpaScaleEvent& event) { return event.outdated; });
}

}  // namespace tidegate
