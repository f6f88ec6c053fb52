#include "core/policy/peers/nomad_strategy.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tidegate {
namespace {

constexpr double count_most = 1e12;

std::int64_t whole(double count) {
  return std::isnan(count) ? 0 : static_cast<std::int64_t>(std::clamp(count, -count_most, count_most));
}

NomadAction towards(std::int64_t wanted, std::int64_t count, double because) {
  if (wanted == count) return {.direction = NomadDirection::none, .count = count, .because = because};
  return {.direction = wanted > count ? NomadDirection::up : NomadDirection::down, .count = wanted, .because = because};
}

template <class Strategy>
std::int64_t limited(const Strategy& strategy, std::int64_t wanted, std::int64_t count) {
  if (strategy.max_scale_up) wanted = std::min(wanted, count + *strategy.max_scale_up);
  if (strategy.max_scale_down) wanted = std::max(wanted, count - *strategy.max_scale_down);
  return wanted;
}

}  // namespace

NomadDirection nomad_direction(std::int64_t count, double factor, double threshold) {
  if (count == 0) return factor > 0 ? NomadDirection::up : NomadDirection::none;
  if (factor > 1 + threshold) return NomadDirection::up;
  return factor < 1 - threshold ? NomadDirection::down : NomadDirection::none;
}

std::optional<NomadAction> nomad_run(const NomadTargetValue& strategy, std::span<const double> points,
                                     std::int64_t count) {
  if (points.empty()) return std::nullopt;
  const double factor = strategy.target == 0 ? points.back() : points.back() / strategy.target;
  if (nomad_direction(count, factor, strategy.threshold) == NomadDirection::none) return towards(count, count, factor);
  const double wanted = std::ceil(count == 0 ? factor : static_cast<double>(count) * factor);
  return towards(limited(strategy, whole(wanted), count), count, factor);
}

std::optional<NomadAction> nomad_run(const NomadThreshold& strategy, std::span<const double> points,
                                     std::int64_t count) {
  if (points.empty()) return std::nullopt;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double lower = strategy.lower_bound.value_or(-infinity), upper = strategy.upper_bound.value_or(infinity);
  const auto inside = std::ranges::count_if(points, [&](double value) { return lower <= value && value < upper; });
  if (inside < strategy.within_bounds_trigger) return towards(count, count, points.back());
  std::int64_t wanted = count;
  if (strategy.delta) wanted = count + *strategy.delta;
  if (strategy.percentage) wanted = whole(std::ceil(static_cast<double>(count) * (1 + *strategy.percentage / 100)));
  if (strategy.value) wanted = *strategy.value;
  return towards(std::max<std::int64_t>(wanted, 0), count, points.back());
}

std::optional<NomadAction> nomad_run(const NomadPassThrough& strategy, std::span<const double> points,
                                     std::int64_t count) {
  if (points.empty()) return std::nullopt;
  return towards(limited(strategy, whole(points.back()), count), count, points.back());
}

std::optional<NomadAction> nomad_run(const NomadFixedValue& strategy, std::span<const double>, std::int64_t count) {
  return towards(strategy.value, count, strategy.value);
}

NomadAction nomad_preempt(const NomadAction& a, const NomadAction& b) {
  if (a.direction != b.direction) return a.direction > b.direction ? a : b;
  return b.count > a.count ? b : a;
}

std::optional<NomadAction> nomad_winner(std::span<const NomadVote> votes) {
  std::optional<NomadAction> winner;
  for (const NomadVote& vote : votes) {
    const bool is_outvoted = vote.action.direction == NomadDirection::none && !vote.group.empty() &&
                             std::ranges::any_of(votes, [&](const NomadVote& other) {
                               return other.group == vote.group && other.action.direction != NomadDirection::none;
                             });
    if (!is_outvoted) winner = winner ? nomad_preempt(*winner, vote.action) : vote.action;
  }
  return winner;
}

std::int64_t nomad_capped(std::int64_t count, std::int64_t least, std::int64_t most) {
  return std::max(std::min(count, most), least);
}

bool is_open(const NomadSchedule& schedule, Instant now) {
  const auto started = last_firing(schedule.start, now, Duration::zero());
  if (!started) return false;
  if (!schedule.end) return now - *started < schedule.duration;
  const auto ended = last_firing(*schedule.end, now, Duration::zero());
  return !ended || *ended <= *started;
}

}  // namespace tidegate
