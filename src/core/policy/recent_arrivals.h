// A rise that the last arrivals prove: seconds after it began, where a level takes minutes.
//
// Over windows of a sixteenth, an eighth and a quarter of the lead time (n arrivals in w seconds), the lowest rate for
// which n is not beyond chance, v being the dispersion of counts:
//
//   rate w = n + c - sqrt(c (2 n + c)),   c = z^2 v / 2,   z = 3;   the highest of them counts
//
// The windows are as long as that because what has lasted for seconds says little of what will be in ten minutes, when
// help could come; they are made of pieces of a tick at least, and so the shorter ones fall away where ticks are long.
// Worked: 40 arrivals in four seconds, v = 1 (c = 4.5): 40 + 4.5 - sqrt(4.5 * 84.5) = 25, 6.3/s.
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
