#include "core/capacity/cold_start.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/base/check.h"

namespace tidegate {
namespace {

constexpr std::size_t starts_kept = 64;
constexpr double half_life_starts = 50;
constexpr double prior_weight = 3;    // measurements
constexpr double prior_spread = 0.2;  // of the prior: real starts vary by about that much around their middle
constexpr Duration published_middle = 60s;

struct Weighted {
  double value = 0;  // seconds
  double weight = 0;
};

}  // namespace

void observe(ColdStartState& state, Duration took) {
  if (took <= Duration::zero()) return;
  if (state.recent_ns.capacity() < starts_kept) state.recent_ns.reserve(starts_kept);
  if (state.recent_ns.size() >= starts_kept) state.recent_ns.erase(state.recent_ns.begin());
  state.recent_ns.push_back(took.count());
  ++state.seen;
}

Duration cold_start_quantile(const ColdStartState& state, std::optional<Duration> prior, double q) {
  CHECK(q > 0 && q < 1);
  std::array<Weighted, starts_kept + 3> values;
  std::size_t count = 0;
  // The prior stands as three points around its middle, together as heavy as three fresh measurements, and gives
  // way as measurements come: the fifth start leaves it a third of its weight.
  const double middle = seconds(prior.value_or(published_middle));
  const double fading = prior_weight * std::pow(0.8, static_cast<double>(state.recent_ns.size()));
  for (const double factor : {1 - prior_spread, 1.0, 1 + prior_spread}) values[count++] = {middle * factor, fading / 3};
  const std::size_t newest = std::min(state.recent_ns.size(), starts_kept);
  for (std::size_t i = 0; i < newest; ++i) {
    const double age = static_cast<double>(newest - 1 - i);
    values[count++] = {static_cast<double>(state.recent_ns[i]) * 1e-9, std::exp2(-age / half_life_starts)};
  }
  std::sort(
      values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count),
      [](const Weighted& a, const Weighted& b) { return std::pair{a.value, a.weight} < std::pair{b.value, b.weight}; });
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) total += values[i].weight;
  // Each value stands at the middle of its weight; linear between, flat outside.
  double below = 0;
  double previous_at = -1;
  double previous = values[0].value;
  for (std::size_t i = 0; i < count; ++i) {
    const double at = (below + values[i].weight / 2) / total;
    if (q <= at) {
      if (previous_at < 0) return from_seconds(values[i].value);
      return from_seconds(previous + (values[i].value - previous) * (q - previous_at) / (at - previous_at));
    }
    below += values[i].weight;
    previous_at = at;
    previous = values[i].value;
  }
  return from_seconds(previous);
}

}  // namespace tidegate
