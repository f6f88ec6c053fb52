// A rise that the last arrivals prove: seconds after it began, where a level takes minutes.
//
// Over windows of a sixteenth, an eighth and a quarter of the lead time, the least rate that the arrivals do not rule
// out (forecast/evident_rates.h); the highest of the three counts.
//
// The windows are as long as that because what has lasted for seconds says little of what will be in ten minutes, when
// help could come; they are made of pieces of a tick at least, and so the shorter ones fall away where ticks are long.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/time.h"

namespace tidegate {

inline constexpr std::size_t pieces_kept = 16;

struct ArrivalPiece {
  float arrivals = 0;
  float length = 0;  // seconds; 0: unknown

  friend bool operator==(const ArrivalPiece&, const ArrivalPiece&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(arrivals, length);
  }
};

struct RecentArrivals {
  std::array<ArrivalPiece, pieces_kept> pieces{};  // the last one is at `next` - 1
  ArrivalPiece open;
  std::uint8_t next = 0;

  friend bool operator==(const RecentArrivals&, const RecentArrivals&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(pieces, open, next);
    if constexpr (Archive::is_reading) {
      if (next >= pieces_kept) ar.fail();
    }
  }
};

void observe(RecentArrivals& recent, Duration interval, double arrivals, Duration lead_time);
// What was before is not known to join what comes.
void forget(RecentArrivals& recent);

// Requests per second; 0 without a complete piece.
[[nodiscard]] double evident_rate(const RecentArrivals& recent, double dispersion, Duration lead_time);

}  // namespace tidegate
