// Latency percentiles of about the last minute, as production reads them from the gateway's histogram: four buckets to
// an octave from 125 us to 1,048 s, steps of 5 s, linear within a bucket (core/signals/histogram_window.h says how).
// Fixed memory; adding costs a few instructions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/time.h"
#include "core/model/slo.h"

namespace tidegate {

class LatencyWindow {
 public:
  static constexpr std::size_t octaves = 21;
  static constexpr std::size_t buckets = 4 + 4 * octaves + 1;  // the last one: above all
  static constexpr Duration step = 5s;
  static constexpr std::size_t steps = 13;  // 60 s and the step being filled

  void add(Duration took) {
    const auto bucket = bucket_of(took);
    ++counts_[newest_][bucket], ++totals_[bucket], ++total_;
  }
  // Forgets what is older than 60 to 65 s. Time never runs backwards.
  void advance(Instant now);
  // Seconds. None: nothing happened.
  [[nodiscard]] std::optional<std::array<double, percentiles>> quantiles() const;

  [[nodiscard]] static std::size_t bucket_of(Duration took);
  [[nodiscard]] static double upper(std::size_t bucket);  // seconds; the last is that of the one before

 private:
  std::array<std::array<std::uint32_t, buckets>, steps> counts_{};
  std::array<std::uint32_t, buckets> totals_{};
  std::uint32_t total_ = 0;
  std::size_t newest_ = 0;
  std::optional<std::int64_t> began_;  // of the newest step, in steps since 1970
};

}  // namespace tidegate
