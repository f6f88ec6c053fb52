#include "core/forecast/idle_gap.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr double class_ratio = 1.2;
constexpr double log_class_ratio = 0.1823215567939546;
constexpr double memory = 0.98;
constexpr double unknown_weight = 2;  // of what is thought of an unknown gap, in gaps
constexpr double unknown_half = 600;  // seconds
constexpr double gaps_least = 5;
constexpr double sparse_rate = 0.1;  // requests per second
constexpr double crowd_window = 60;  // seconds
constexpr double crowd_learning = 0.2;

// Begins of the classes, and the end of the last.
constexpr std::array<double, gap_classes + 1> class_begins = [] {
  std::array<double, gap_classes + 1> begins{};
  double begin = gap_shortest;
  for (double& one : begins) {
    one = begin;
    begin *= class_ratio;
  }
  return begins;
}();

double position(double length) { return std::log(std::max(length, gap_shortest) / gap_shortest) / log_class_ratio; }

// The chance of staying quiet from one length to another.
double quiet_between(const GapHistogram& gaps, double from, double to) {
  const double begin = position(from);
  const double end = std::min(position(to), static_cast<double>(gap_classes));
  double quiet = 1;
  for (std::size_t i = gap_class(from); i < gap_classes && static_cast<double>(i) < end; ++i) {
    const double at = static_cast<double>(i);
    const double share = std::min(end, at + 1) - std::max(begin, at);
    if (share > 0) quiet *= std::pow(1 - ending_chance(gaps, i), share);
  }
  return quiet;
}

// Of a service that was busy until a moment ago. The level falls slowly; silence says sooner that the load has ended:
// a rate above 1 / quiet would hardly have been quiet so long.
double believed_rate(const DemandHistory& history, double quiet) {
  if (!history.gaps.last_known || quiet <= 0) return history.level.mean;
  return std::min(history.level.mean, 1 / quiet);
}

void count_gap(GapHistogram& gaps, double length) {
  const std::size_t last = gap_class(length);
  for (std::size_t i = 0; i <= last; ++i) {
    gaps.reached[i] = gaps.reached[i] * static_cast<float>(memory) + 1;
    gaps.ended[i] *= static_cast<float>(memory);
  }
  gaps.ended[last] += 1;
}

// A crowd is closed by the first request after its minute.
void count_crowd(GapHistogram& gaps, Instant at, double count, double quiet) {
  const bool is_over = seconds(at - gaps.crowd_since) > crowd_window;
  if (gaps.crowd_open > 0 && is_over) {
    gaps.crowd += static_cast<float>(crowd_learning) * (gaps.crowd_open - gaps.crowd);
    gaps.crowd_open = 0;
  }
  if (gaps.crowd_open <= 0 && quiet >= crowd_window) gaps.crowd_since = at;
  if (gaps.crowd_open > 0 || quiet >= crowd_window) gaps.crowd_open += static_cast<float>(std::min(count, 1e6));
}

}  // namespace

std::size_t gap_class(double length) { return std::min(static_cast<std::size_t>(position(length)), gap_classes - 1); }

double gap_class_begin(std::size_t one) { return class_begins[std::min(one, gap_classes)]; }

double ending_chance(const GapHistogram& gaps, std::size_t one) {
  const double unknown = 1 - (unknown_half + class_begins[one]) / (unknown_half + class_begins[one + 1]);
  return (static_cast<double>(gaps.ended[one]) + unknown_weight * unknown) /
         (static_cast<double>(gaps.reached[one]) + unknown_weight);
}

double crowd_within(const GapHistogram& gaps, double span) {
  return 1 + std::max(static_cast<double>(gaps.crowd) - 1, 0.0) * std::max(span, 0.0) / crowd_window;
}

void observe_arrivals(GapHistogram& gaps, Instant at, double count) {
  const double quiet = gaps.last_known ? seconds(at - gaps.last_arrival) : 0;
  if (quiet >= gap_shortest) count_gap(gaps, quiet);
  count_crowd(gaps, at, count, quiet);
  gaps.last_arrival = at;
  gaps.last_known = true;
}

bool is_sparse(const DemandHistory& history) {
  return history.level.mean < sparse_rate && history.gaps.last_known &&
         static_cast<double>(history.gaps.reached.front()) >= gaps_least;
}

double arrival_probability_between(const DemandHistory& history, Instant now, double from, double to) {
  const double quiet = std::max(seconds(now - history.gaps.last_arrival), 0.0);
  if (!is_sparse(history)) return 1 - std::exp(-believed_rate(history, quiet) * std::max(to - from, 0.0));
  const double until = quiet_between(history.gaps, quiet, quiet + std::max(from, 0.0));
  return until * (1 - quiet_between(history.gaps, quiet + std::max(from, 0.0), quiet + std::max(to, from)));
}

}  // namespace tidegate
