// What was measured of one pool's replicas: sums by concurrency, each forgotten as newer evidence of its own comes, and
// the window being filled. Below 2 KB; persisted, and kept across state versions because it is dear to learn.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/time.h"

namespace tidegate {

// Evidence at about one concurrency. Its sums are forgotten together, so that their ratios stay means.
struct ConcurrencyBin {
  double busy = 0;  // replica-seconds of requests in service
  double completions = 0;
  double replica_seconds = 0;
  double itl_sum = 0;  // seconds, weighted by completions
  double itl_weight = 0;
  double judged = 0;  // requests held against the objectives while nobody waited
  double missed = 0;  // those of them that missed one

  [[nodiscard]] double concurrency() const { return busy / replica_seconds; }
  [[nodiscard]] double residence() const { return busy / completions; }

  friend bool operator==(const ConcurrencyBin&, const ConcurrencyBin&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(busy, completions, replica_seconds, itl_sum, itl_weight, judged, missed);
  }
};

// Ticks gathered until there are enough completions to say something.
struct EvidenceWindow {
  double length = 0;  // seconds
  double samples = 0;
  double ready = 0;  // replicas; a change ends the window
  double busy = 0;
  double completions = 0;
  double in_flight_first = 0;
  double in_flight_last = 0;
  double itl_sum = 0;
  double itl_weight = 0;
  double judged = 0;
  double missed = 0;
  double breached_share = 0;  // that a quantile beyond its bound says to have missed, at least
  bool latency_known = false;

  friend bool operator==(const EvidenceWindow&, const EvidenceWindow&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(length, samples, ready, busy, completions, in_flight_first, in_flight_last, itl_sum, itl_weight, judged, missed,
       breached_share, latency_known);
  }
};

// Two-sided CUSUM on log(measured residence / fitted residence): tells a shift of the work from noise.
struct ShiftDetector {
  double up = 0;
  double down = 0;
  double up_sum = 0;  // of the log ratios since `up` last stood at zero: how far to move
  double down_sum = 0;
  std::int32_t up_count = 0;
  std::int32_t down_count = 0;
  double noise = 0.2;  // smoothed |log ratio| while nothing shifts

  friend bool operator==(const ShiftDetector&, const ShiftDetector&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(up, down, up_sum, down_sum, up_count, down_count, noise);
  }
};

struct CapacityState {
  static constexpr std::size_t bins = 20;
  std::array<ConcurrencyBin, bins> by_concurrency{};
  EvidenceWindow window;
  ShiftDetector shift;
  double windows = 0;            // evidence windows taken, forgotten
  double concurrency_max = 0;    // highest mean concurrency of a window, slowly forgotten
  double in_flight_before = -1;  // mean of the window before; negative: there was none
  double quiet = 0;              // seconds without a queue, so that latencies are the replicas' own doing

  friend bool operator==(const CapacityState&, const CapacityState&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(by_concurrency, window, shift, windows, concurrency_max, in_flight_before, quiet);
  }
};

}  // namespace tidegate
