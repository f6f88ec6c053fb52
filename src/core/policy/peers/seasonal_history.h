// A load in buckets of one length, as far back as a forecaster of a cloud looks: hours of two weeks, ten minutes of
// three. A bucket's value is the mean of what was seen in it; a bucket nobody saw is missing, which is not zero.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

struct SeasonalHistory {
  static constexpr std::size_t buckets_most = 4096;
  std::int64_t bucket = 0;  // the open one, counted from the epoch
  std::int64_t first = 0;   // the oldest there is
  double sum = 0;
  std::int32_t samples = 0;
  std::vector<float> values;  // by bucket modulo the capacity; negative: missing

  friend bool operator==(const SeasonalHistory&, const SeasonalHistory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(bucket, first, sum, samples, values);
  }
};

struct SeasonalShape {
  Duration length{};         // of a bucket, > 0
  std::size_t capacity = 1;  // buckets kept, at most buckets_most
};

// Without a value the clock still moves.
void observe(SeasonalHistory& history, const SeasonalShape& shape, Instant now, std::optional<double> value);
// Of a closed bucket that is still kept.
[[nodiscard]] std::optional<double> value_at(const SeasonalHistory& history, std::int64_t bucket);
// Closed buckets since the first sample, missing ones included.
[[nodiscard]] std::int64_t length_of(const SeasonalHistory& history);

}  // namespace tidegate
