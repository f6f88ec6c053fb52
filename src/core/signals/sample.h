// What a source hands over: one measurement of one signal, as it was read, not yet interpreted.
// Counters and histograms are cumulative with an epoch (a restart of what is measured starts a new one).
// A gauge of a signal that counts (arrivals, completions, tokens) is a rate per second.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/time.h"
#include "core/model/reading.h"
#include "core/model/signal.h"

namespace tidegate {

// Who measured. Which origin speaks for a signal when several do: core/signals/signal_book.h.
enum class Origin : std::uint8_t {
  gateway,  // our own, at admission
  traffic,  // a `traffic:` query: arrivals at somebody else's ingress
  query,    // an explicit signal of the user's
  replica,  // the replica's own page, by a preset
};
template <>
inline constexpr auto enum_texts<Origin> = std::to_array<EnumText<Origin>>({
    {Origin::gateway, "gateway"},
    {Origin::traffic, "traffic"},
    {Origin::query, "query"},
    {Origin::replica, "replica"},
});

struct Gauge {
  double value = 0;
  friend bool operator==(const Gauge&, const Gauge&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(value);
  }
};
struct Counter {
  double total = 0;
  std::uint64_t epoch = 0;
  friend bool operator==(const Counter&, const Counter&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(total, epoch);
  }
};
struct HistogramBucket {
  double upper = 0;  // inclusive; +inf for the last
  double cumulative = 0;
  friend bool operator==(const HistogramBucket&, const HistogramBucket&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(upper, cumulative);
  }
};
struct Histogram {
  std::vector<HistogramBucket> buckets;  // ascending
  double sum = 0;
  std::uint64_t epoch = 0;
  friend bool operator==(const Histogram&, const Histogram&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(buckets, sum, epoch);
  }
};

struct Sample {
  std::string service;
  std::string replica;  // empty: of the service as a whole
  std::string pool;     // of the replica, when known
  Signal signal = Signal::custom;
  std::string name;                                               // of a custom signal
  std::variant<std::monostate, Gauge, Counter, Histogram> value;  // monostate: absent or failed
  Quality quality = Quality::fresh;
  Instant taken{};
  std::string cause;  // of an error or absence, for the explanation
  Origin origin = Origin::replica;
  Duration period = 1s;  // of the source; a sample older than three of them is stale

  friend bool operator==(const Sample&, const Sample&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(service, replica, pool, signal, name, value, quality, taken, cause, origin, period);
  }
};

}  // namespace tidegate
