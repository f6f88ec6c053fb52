#include "edge/load/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tidegate {
namespace {

constexpr int step_bits = 7;
constexpr std::uint64_t steps_linear = 1 << step_bits;  // below it every microsecond has its own step
constexpr std::uint64_t us_max = 3ULL * 3600 * 1'000'000;

std::size_t step_of(std::uint64_t us) {
  if (us < steps_linear) return us;
  const int shift = std::bit_width(us) - step_bits - 1;
  return static_cast<std::size_t>((static_cast<std::uint64_t>(shift + 1) << step_bits) + (us >> shift) - steps_linear);
}

// The middle of a step.
double middle_us(std::size_t step) {
  if (step < steps_linear) return static_cast<double>(step);
  const auto shift = static_cast<int>(step >> step_bits) - 1;
  const double low = std::ldexp(static_cast<double>((step & (steps_linear - 1)) + steps_linear), shift);
  return low + std::ldexp(1.0, shift) / 2;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : steps_(step_of(us_max) + 1) {}

void LatencyHistogram::record(Duration latency, std::uint64_t times) {
  const auto us = std::max<std::int64_t>((latency.count() + 500) / 1000, 0);
  steps_[step_of(std::min(static_cast<std::uint64_t>(us), us_max))] += times;
  count_ += times;
}

std::optional<Duration> LatencyHistogram::quantile(double share) const {
  if (count_ == 0) return std::nullopt;
  const auto rank = static_cast<std::uint64_t>(std::max(1.0, std::ceil(share * static_cast<double>(count_) - 1e-9)));
  std::uint64_t seen = 0;
  for (std::size_t step = 0; step < steps_.size(); ++step) {
    seen += steps_[step];
    if (seen >= rank) return from_seconds(middle_us(step) * 1e-6);
  }
  return std::nullopt;
}

}  // namespace tidegate
