#include "lab/sim/latency_window.h"

#include <algorithm>
#include <bit>

namespace tidegate {
namespace {

constexpr std::int64_t unit_ns = 125'000;

}  // namespace

std::size_t LatencyWindow::bucket_of(Duration took) {
  if (took <= Duration::zero()) return 0;
  const auto units = static_cast<std::uint64_t>((took.count() - 1) / unit_ns);
  if (units < 4) return static_cast<std::size_t>(units);
  const auto octave = static_cast<std::size_t>(std::bit_width(units)) - 3;  // units in [4, 8): 0
  if (octave >= octaves) return buckets - 1;
  return 4 + 4 * octave + static_cast<std::size_t>((units >> octave) & 3);
}

double LatencyWindow::upper(std::size_t bucket) {
  bucket = std::min(bucket, buckets - 2);
  const std::uint64_t units = bucket < 4 ? bucket + 1 : (5 + (bucket & 3)) << ((bucket - 4) / 4);
  return static_cast<double>(units) * 125e-6;
}

void LatencyWindow::advance(Instant now) {
  const std::int64_t here = now.time_since_epoch() / step;
  const std::int64_t passed = began_ ? here - *began_ : 0;
  began_ = here;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(passed, steps); ++i) {
    newest_ = (newest_ + 1) % steps;
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
      totals_[bucket] -= counts_[newest_][bucket];
      total_ -= counts_[newest_][bucket];
    }
    counts_[newest_].fill(0);
  }
}

std::optional<std::array<double, percentiles>> LatencyWindow::quantiles() const {
  if (total_ == 0) return std::nullopt;
  std::array<double, percentiles> values;
  std::size_t found = 0;
  const auto rank = [&] { return fraction(static_cast<Percentile>(found)) * static_cast<double>(total_); };
  double below = 0;
  for (std::size_t bucket = 0; bucket + 1 < buckets && found < percentiles; ++bucket) {
    if (totals_[bucket] == 0) continue;
    const auto count = static_cast<double>(totals_[bucket]);
    const double left = bucket == 0 ? 0 : upper(bucket - 1);
    for (; found < percentiles && below + count >= rank(); ++found)
      values[found] = left + (upper(bucket) - left) * (rank() - below) / count;
    below += count;
  }
  for (; found < percentiles; ++found) values[found] = upper(buckets - 2);
  return values;
}

}  // namespace tidegate
