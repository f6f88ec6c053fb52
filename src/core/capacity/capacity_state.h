// What was measured of one pool's replicas: sums by concurrency, exponentially forgotten, and the window being
// filled. Below 1.5 KB; persisted, and kept across state versions because it is dear to learn.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/time.h"

namespace tidegate {

// Evidence at about one concurrency. Sums are forgotten together, so their ratios stay means.
struct ConcurrencyBin {
  double busy = 0;  // replica-seconds of requests in service
  double completions = 0;
  double replica_seconds = 0;
  double itl_sum = 0;  // seconds, weighted by completions
  double itl_weight = 0;

  [[nodiscard]] double concurrency() const { return busy / replica_seconds; }
  [[nodiscard]] double residence() const { return busy / completions; }

  friend bool operator==(const ConcurrencyBin&, const ConcurrencyBin&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(busy, completions, replica_seconds, itl_sum, itl_weight);
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
  bool queued = false;
  bool breached = false;
  bool latency_known = false;

  friend bool operator==(const EvidenceWindow&, const EvidenceWindow&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(length, samples, ready, busy, completions, in_flight_first, in_flight_last, itl_sum, itl_weight, queued,
       breached, latency_known);
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
  double windows = 0;          // evidence windows taken, forgotten like the bins
  double concurrency_max = 0;  // highest mean concurrency of a window, slowly forgotten
  double breach_limit = 0;     // concurrency that objectives were missed at without a queue; 0 = none
  double quiet = 0;            // seconds without a queue, so that latencies are the replicas' own doing
  double since_breach = 0;     // seconds since the limit last moved

  friend bool operator==(const CapacityState&, const CapacityState&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(by_concurrency, window, shift, windows, concurrency_max, breach_limit, quiet, since_breach);
  }
};

}  // namespace tidegate
