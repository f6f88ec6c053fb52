// Quantiles of any number of durations in fixed memory: counts in log-spaced buckets.
//
// A bucket covers one part in 64 of an octave of nanoseconds, linear within it, so a value is known to 1/128 of
// itself (0.8 %): the middle of its bucket stands for it. Below 64 ns every value has a bucket of its own; all of
// 2^42 ns (73 minutes) and more share the last. Worked: 1 s = 2^29.9 ns lies in [998.2 ms, 1006.6 ms].
// Rank: nearest rank, the smallest value with at least q of all at or below it.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "core/base/time.h"

namespace tidegate {

class QuantileSketch {
 public:
  static constexpr std::uint32_t parts = 64;  // of an octave
  static constexpr std::uint32_t octaves = 36;
  static constexpr std::uint32_t buckets = parts * (octaves + 1);

  [[nodiscard]] static constexpr std::uint32_t bucket_of(Duration value) {
    const auto n = static_cast<std::uint64_t>(value.count() < 0 ? 0 : value.count());
    if (n < parts) return static_cast<std::uint32_t>(n);
    const auto octave = static_cast<std::uint32_t>(std::bit_width(n)) - 7;  // 64..127: 0
    if (octave >= octaves) return buckets - 1;
    return (octave + 1) * parts + static_cast<std::uint32_t>((n >> octave) - parts);
  }
  // The middle of a bucket.
  [[nodiscard]] static constexpr Duration value_of(std::uint32_t bucket) {
    if (bucket < parts) return Duration{bucket};
    const auto octave = bucket / parts - 1;
    const auto from = static_cast<std::int64_t>(parts + bucket % parts) << octave;
    return Duration{from + ((std::int64_t{1} << octave) - 1) / 2};
  }

  void add(Duration value) { ++counts_[bucket_of(value)], ++total_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  // Zero when empty; 0 < q <= 1.
  [[nodiscard]] Duration quantile(double q) const;

 private:
  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace tidegate
