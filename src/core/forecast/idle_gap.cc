#include "core/forecast/idle_gap.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr double shortest = 10;                  // seconds
constexpr double log_step = 0.1823215567939546;  // log 1.2
constexpr double memory = 0.98;                  // of each gap's weight when the next one comes
constexpr double gaps_least = 5;
constexpr double sparse_rate = 0.1;  // requests per second

double position(double length) { return std::log(std::max(length, shortest) / shortest) / log_step; }

// Weight of the gaps longer than `length`.
double above(const GapHistogram& gaps, double length) {
  const double at = position(length);
  double sum = 0;
  for (std::size_t i = 0; i < gaps.mass.size(); ++i) {
    const double share = std::clamp(static_cast<double>(i) + 1 - at, 0.0, 1.0);
    sum += share * static_cast<double>(gaps.mass[i]);
  }
  return sum;
}

// Of a service that was busy until a moment ago. The level falls slowly; silence says sooner that the load has ended:
// a rate above 1 / quiet would hardly have been quiet so long.
double believed_rate(const DemandHistory& history, double quiet) {
  if (!history.gaps.last_known || quiet <= 0) return history.level.mean;
  return std::min(history.level.mean, 1 / quiet);
}

}  // namespace

void observe_arrival(GapHistogram& gaps, Instant at) {
  const double length = seconds(at - gaps.last_arrival);
  if (gaps.last_known && length >= shortest) {
    for (float& mass : gaps.mass) mass *= static_cast<float>(memory);
    const auto bin = std::min(static_cast<std::size_t>(position(length)), gaps.mass.size() - 1);
    gaps.mass[bin] += 1;
    gaps.total = gaps.total * static_cast<float>(memory) + 1;
  }
  gaps.last_arrival = at;
  gaps.last_known = true;
}

bool is_sparse(const DemandHistory& history) {
  return history.level.mean < sparse_rate && history.gaps.last_known &&
         static_cast<double>(history.gaps.total) >= gaps_least;
}

double arrival_probability_between(const DemandHistory& history, Instant now, double from, double to) {
  const double length = std::max(to - from, 0.0);
  const double quiet = std::max(seconds(now - history.gaps.last_arrival), 0.0);
  if (!is_sparse(history)) return 1 - std::exp(-believed_rate(history, quiet) * length);
  const double rate = history.day.mean / std::max(static_cast<double>(history.gaps.burst), 1.0);
  const double guess = 1 - std::exp(-rate * length);
  const double inside = above(history.gaps, quiet + from) - above(history.gaps, quiet + to);
  return std::clamp((inside + guess / 2) / (above(history.gaps, quiet) + 0.5), 0.0, 1.0);
}

}  // namespace tidegate
