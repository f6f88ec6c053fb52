// A metric on its way through scrape, store and adapter: who asks sees the newest value that is at least `delay` old.
//
// Values are kept at most every sixteenth of the delay, so a pipeline holds eighteen of them however fast the ticks
// and what is seen is up to a sixteenth older. Nothing has arrived before the first delay is over: absent.
#pragma once

#include <vector>

#include "core/base/time.h"
#include "core/model/reading.h"

namespace tidegate {

struct MetricPipeline {
  struct Value {
    Instant at{};
    Reading reading;
    double replicas = 0;  // that reported
    friend bool operator==(const Value&, const Value&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(at, reading, replicas);
    }
  };
  static constexpr std::size_t kept_most = 18;
  std::vector<Value> values;  // oldest first

  friend bool operator==(const MetricPipeline&, const MetricPipeline&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(values);
  }
};

// Puts the present value in and drops what nobody will ask for again.
void put(MetricPipeline& pipeline, Duration delay, const MetricPipeline::Value& present);

// The value that has arrived at `now`, no earlier than the newest one put in.
[[nodiscard]] MetricPipeline::Value arrived(const MetricPipeline& pipeline, Duration delay, Instant now);

}  // namespace tidegate
