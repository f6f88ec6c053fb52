// A metric as a cloud's alarms see it, and the alarms.
//
//   datapoint = mean of the samples of one period, the periods aligned to the clock; known when any sample was fresh;
//               seen `delay` after its period has ended; with it the mean number of instances behind the samples
//   an alarm rings while at least `needed` of the newest `periods` datapoints breach; fewer datapoints than that, or
//   an unknown one among them where all are needed, ring nothing
//
// Worked: period 60 s, delay 60 s, 3 of 3: a load that steps up at 0:00 has breaching datapoints for the minutes ending
// 1:00, 2:00 and 3:00; the third is seen at 4:00, and the alarm rings then.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/time.h"
#include "core/model/reading.h"

namespace tidegate {

struct Datapoint {
  Instant end{};  // of its period
  double value = 0;
  double instances = 0;
  bool known = false;

  friend bool operator==(const Datapoint&, const Datapoint&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(end, value, instances, known);
  }
};

struct PeriodMetric {
  static constexpr std::size_t kept_most = 128;
  Instant closes{};  // end of the open period
  double sum = 0;    // of the fresh samples of it
  double instances = 0;
  std::int32_t samples = 0;
  bool asked = false;             // fresh or not, there was a sample
  std::vector<Datapoint> coming;  // not seen yet, oldest first
  std::vector<Datapoint> seen;    // newest last

  friend bool operator==(const PeriodMetric&, const PeriodMetric&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(closes, sum, instances, samples, asked, coming, seen);
  }
};

struct MetricCadence {
  Duration period{};  // > 0
  Duration delay{};
};

struct MetricSample {
  Reading reading;  // counts when fresh
  double instances = 0;
};

// Whether a datapoint became visible.
bool observe(PeriodMetric& metric, const MetricCadence& cadence, Instant now, const MetricSample& sample);

enum class Breach : std::uint8_t { above, at_or_above, below, at_or_below };

struct AlarmRule {
  Breach breach = Breach::above;
  double threshold = 0;
  std::int32_t periods = 3;  // at most PeriodMetric::kept_most
  std::int32_t needed = 3;
};

[[nodiscard]] bool rings(const PeriodMetric& metric, const AlarmRule& rule);

// Replicas that became ready less than `warm_up` ago: new instances that do not count yet.
struct WarmUp {
  struct Joined {
    Instant at{};
    double replicas = 0;
    friend bool operator==(const Joined&, const Joined&) = default;
    template <class Archive>
    void archive(Archive& ar) {
      ar(at, replicas);
    }
  };
  bool started = false;
  double ready = 0;  // at the previous tick
  std::vector<Joined> joined;

  [[nodiscard]] double replicas() const;
  friend bool operator==(const WarmUp&, const WarmUp&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(started, ready, joined);
  }
};

void observe(WarmUp& warm, Instant now, double ready, Duration warm_up);

}  // namespace tidegate
