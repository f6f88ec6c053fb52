// What a source hands over: one measurement of one signal, as it was read, not yet interpreted.
// Counters and histograms are cumulative with an epoch (a restart of what is measured starts a new one).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/model/reading.h"
#include "core/model/signal.h"

namespace tidegate {

struct Gauge {
  double value = 0;
  friend bool operator==(const Gauge&, const Gauge&) = default;
  template <class Archive>
  void archive(Archive& ar) { ar(value); }
};
struct Counter {
  double total = 0;
  std::uint64_t epoch = 0;
  friend bool operator==(const Counter&, const Counter&) = default;
  template <class Archive>
  void archive(Archive& ar) { ar(total, epoch); }
};
struct HistogramBucket {
  double upper = 0;              // inclusive; +inf for the last
  double cumulative = 0;
  friend bool operator==(const HistogramBucket&, const HistogramBucket&) = default;
  template <class Archive>
  void archive(Archive& ar) { ar(upper, cumulative); }
};
struct Histogram {
  std::vector<HistogramBucket> buckets;   // ascending
  double sum = 0;
  std::uint64_t epoch = 0;
  friend bool operator==(const Histogram&, const Histogram&) = default;
  template <class Archive>
  void archive(Archive& ar) { ar(buckets, sum, epoch); }
};

struct Sample {
  std::string service;
  std::string replica;           // empty: of the service as a whole
  std::string pool;              // of the replica, when known
  Signal signal = Signal::custom;
  std::string name;              // of a custom signal
  std::variant<std::monostate, Gauge, Counter, Histogram> value;   // monostate: absent or failed
  Quality quality = Quality::fresh;
  Instant taken{};
  std::string cause;             // of an error or absence, for the explanation

  friend bool operator==(const Sample&, const Sample&) = default;
  template <class Archive>
  void archive(Archive& ar) { ar(service, replica, pool, signal, name, value, quality, taken, cause); }
};

}  // namespace tidegate
