#include "core/policy/recent_arrivals.h"

#include <algorithm>

#include "core/forecast/evident_rates.h"

namespace tidegate {
namespace {

constexpr double pieces_in_lead = 64;
constexpr double shortest_window = 1.0 / 16;  // of the lead time

}  // namespace

void observe(RecentArrivals& recent, Duration interval, double arrivals, Duration lead_time) {
  if (interval <= Duration::zero()) return;
  recent.open.arrivals += static_cast<float>(arrivals);
  recent.open.length += static_cast<float>(seconds(interval));
  if (static_cast<double>(recent.open.length) < seconds(lead_time) / pieces_in_lead) return;
  recent.pieces[recent.next] = recent.open;
  recent.next = static_cast<std::uint8_t>((recent.next + 1) % pieces_kept);
  recent.open = {};
}

void forget(RecentArrivals& recent) { recent = {}; }

double evident_rate(const RecentArrivals& recent, double dispersion, Duration lead_time) {
  double highest = 0, arrivals = 0, length = 0;
  std::size_t taken = 0;
  for (std::size_t pieces = 1; pieces <= pieces_kept; pieces *= 2) {
    for (; taken < pieces; ++taken) {
      const ArrivalPiece& piece = recent.pieces[(recent.next + pieces_kept - 1 - taken) % pieces_kept];
      if (piece.length <= 0) return highest;
      arrivals += static_cast<double>(piece.arrivals);
      length += static_cast<double>(piece.length);
    }
    if (length < shortest_window * seconds(lead_time)) continue;
    highest = std::max(highest, evident_rates(arrivals, length, dispersion).least);
  }
  return highest;
}

}  // namespace tidegate
