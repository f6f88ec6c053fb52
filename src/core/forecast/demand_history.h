// All that the forecasters remember of one service's arrivals: bounded, comparable, serialisable.
//
// Time is cut into 10-second bins aligned to the epoch. A bin's rate is requests per second over the part of it
// that was covered by observations; a bin covered by less than half is missing, which is not zero.
//
// Size: about 34 KB in memory and in the archive once two weeks are full (recent bins 5.8, slots of ten minutes
// 4.0, residual histograms 19.0, pending predictions 4.0, cached answers 0.8 KB); everything large is on the heap,
// so moving a history is cheap. Nothing is allocated after the first observation, but when an idle service goes to
// rest and is woken (rest.h): then about 6 KB are left.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

inline constexpr double bin_seconds = 10;
inline constexpr std::size_t recent_bins = 1440;    // 4 h of 10 s
inline constexpr std::size_t slot_bins = 60;        // a slot is ten minutes
inline constexpr std::size_t slots_kept = 2016;     // two weeks
inline constexpr std::size_t quantile_points = 13;  // the grid of RateQuantiles

// Predictions are made for, and scored at, these horizons; between them answers are interpolated. A horizon's
// predictions are made every `horizon_step` bins, so at most horizon_bins / horizon_step are pending.
inline constexpr std::size_t horizons = 7;
inline constexpr std::array<std::int32_t, horizons> horizon_bins{1, 3, 6, 18, 60, 360, 1440};
inline constexpr std::array<std::int32_t, horizons> horizon_step{1, 1, 1, 1, 3, 12, 60};
inline constexpr std::size_t pending_entries = [] {
  std::size_t entries = 0;
  for (std::size_t h = 0; h < horizons; ++h) entries += static_cast<std::size_t>(horizon_bins[h] / horizon_step[h]);
  return entries;
}();
inline constexpr std::size_t point_forecasters = 5;  // all but idle_gap: a point and the spread around it
inline constexpr std::size_t scored_forecasters = 6;

using Quantiles = std::array<float, quantile_points>;

// How far actual values fell from the point, in units of its scale: an exponentially forgotten histogram
// (residual_histogram.h) and its quantiles.
struct ResidualHistogram {
  std::array<float, 48> mass{};  // sums to 1
  Quantiles quantiles{};

  friend bool operator==(const ResidualHistogram&, const ResidualHistogram&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(mass, quantiles);
  }
};

// One forecaster at one horizon: the value there, and the peak on the way.
struct HorizonResiduals {
  ResidualHistogram value;
  ResidualHistogram peak;

  friend bool operator==(const HorizonResiduals&, const HorizonResiduals&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(value, peak);
  }
};

// What was predicted at the end of bin `made`: scored when its time comes.
struct PendingPrediction {
  std::int64_t made = -1;                         // -1: none
  std::array<float, point_forecasters> points{};  // requests per second
  float arrival_at = 0;                           // idle_gap: P(an arrival in the bin at the horizon)
  float arrival_within = 0;                       // ... and within the horizon
  float high = 0;                                 // the 0.99 quantile that was answered

  friend bool operator==(const PendingPrediction&, const PendingPrediction&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(made, points, arrival_at, arrival_within, high);
  }
};

// The answer at one horizon, recomputed once a bin.
struct HorizonAnswer {
  Quantiles value{};
  Quantiles peak{};
  std::array<float, scored_forecasters> value_loss{};  // decayed mean pinball loss, relative to the scale
  std::array<float, scored_forecasters> peak_loss{};
  float scored = 0;     // how many scores the losses rest on (saturates)
  float surprise = 0;   // decayed count of values above the 0.99 quantile
  bool broken = false;  // the pattern broke: recent maxima are insured
  std::uint8_t value_leader = 0;
  std::uint8_t peak_leader = 0;

  friend bool operator==(const HorizonAnswer&, const HorizonAnswer&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(value, peak, value_loss, peak_loss, scored, surprise, broken, value_leader, peak_leader);
  }
};

// Times between arrivals, by length: 10 s to three days in classes of a fifth (idle_gap.h).
inline constexpr std::size_t gap_classes = 56;

struct GapHistogram {
  std::array<float, gap_classes> reached{};  // gaps that came as far, exponentially forgotten
  std::array<float, gap_classes> ended{};    // and of them those that ended in the class
  float burst = 1;                           // requests in a bin that has any, smoothed
  float crowd = 1;                           // requests in the minute from one that ends a quiet minute, smoothed
  float crowd_open = 0;                      // in that minute so far; 0: none is open
  Instant crowd_since{};
  Instant last_arrival{};
  bool last_known = false;  // false after missing data: that gap's length is unknown

  friend bool operator==(const GapHistogram&, const GapHistogram&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(reached, ended, burst, crowd, crowd_open, crowd_since, last_arrival, last_known);
  }
};

// An exponentially weighted mean that knows how full its window is.
struct SmoothedRate {
  double mean = 0;
  double weight = 0;  // 0..1: the share of the window that has been filled

  friend bool operator==(const SmoothedRate&, const SmoothedRate&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(mean, weight);
  }
};

struct DemandHistory {
  Instant seen{};  // end of the newest interval
  bool started = false;
  double covered = 0;  // seconds of observation so far, to fill the level's window once

  std::int64_t bin = 0;  // the open bin: [bin, bin + 1) * 10 s
  double bin_arrivals = 0;
  double bin_covered = 0;    // seconds
  double slot_arrivals = 0;  // of the open slot of ten minutes
  double slot_covered = 0;
  double minute_arrivals = 0;  // of the open minute
  double minute_covered = 0;

  SmoothedRate level;                       // two-minute window
  SmoothedRate hour;                        // one hour
  SmoothedRate day;                         // one day
  std::array<float, 60> minute_of_hour{};   // rate in that minute relative to `hour`; starts at 1
  std::vector<float> recent;                // rates by bin modulo recent_bins; negative = missing
  std::vector<std::uint16_t> slots;         // rates by slot modulo slots_kept; bfloat16, 0xffff = missing
  std::vector<HorizonResiduals> residuals;  // forecaster-major: [forecaster * horizons + horizon]
  std::vector<PendingPrediction> pending;   // one run per horizon
  std::array<HorizonAnswer, horizons> answers{};
  GapHistogram gaps;

  // Whether the vectors have the sizes the code relies on (an archive from elsewhere may lie).
  [[nodiscard]] bool is_consistent() const;

  friend bool operator==(const DemandHistory&, const DemandHistory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(seen, started, covered, bin, bin_arrivals, bin_covered, slot_arrivals, slot_covered, minute_arrivals,
       minute_covered, level, hour, day, minute_of_hour, recent, slots, residuals, pending, answers, gaps);
    if constexpr (Archive::is_reading) {
      if (!is_consistent()) ar.fail();
    }
  }
};

}  // namespace tidegate
