#include "core/forecast/points.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tidegate {
namespace {

constexpr std::int64_t slots_per_day = 144;
struct Lag {
  std::int64_t days;
  double weight;
};
// The same weekday tells most, then yesterday.
constexpr std::array lags{Lag{1, 1}, Lag{2, 0.5}, Lag{3, 0.5}, Lag{4, 0.5}, Lag{5, 0.5}, Lag{6, 0.5}, Lag{7, 1.5}};

// Between the middles of neighbouring slots.
double season(const DemandHistory& history, std::int64_t bin) {
  const double at = (static_cast<double>(bin) + 0.5) / static_cast<double>(slot_bins) - 0.5;
  const double whole = std::floor(at);
  const double left = earlier_days(history, static_cast<std::int64_t>(whole));
  const double right = earlier_days(history, static_cast<std::int64_t>(whole) + 1);
  if (left < 0 || right < 0) return std::max(left, right);
  return left + (right - left) * (at - whole);
}

// Highest rates of the last 60, 120 and 360 bins.
std::array<float, 3> recent_maxima(const DemandHistory& history, std::int64_t bin) {
  std::array<float, 3> maxima{};
  float highest = static_cast<float>(history.level.mean);
  std::size_t at = static_cast<std::size_t>(bin) % recent_bins;
  for (int age = 0; age < 360; ++age) {
    if (age == 60) maxima[0] = highest;
    if (age == 120) maxima[1] = highest;
    highest = std::max(highest, history.recent[at]);
    at = at == 0 ? recent_bins - 1 : at - 1;
  }
  maxima[2] = highest;
  return maxima;
}

}  // namespace

double earlier_days(const DemandHistory& history, std::int64_t slot) {
  double sum = 0;
  double weight = 0;
  for (const Lag& lag : lags) {
    const std::int64_t earlier = slot - lag.days * slots_per_day;
    if (earlier < 0) break;
    const std::uint16_t code = history.slots[static_cast<std::size_t>(earlier) % slots_kept];
    if (code == slot_missing) continue;
    sum += lag.weight * slot_rate(code);
    weight += lag.weight;
  }
  return weight > 0 ? sum / weight : -1;
}

std::uint16_t slot_code(double rate) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(rate));
  return static_cast<std::uint16_t>((bits + 0x8000U) >> 16);
}

double slot_rate(std::uint16_t code) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(code) << 16));
}

Points predict_points(const DemandHistory& history, std::int64_t bin) {
  Points points{};
  const auto maxima = recent_maxima(history, bin);
  const double here = season(history, bin);
  const double ground = 0.1 * history.day.mean + 1e-4;  // quiet slots must not make ratios explode
  for (std::size_t h = 0; h < horizons; ++h) {
    const std::int64_t ahead = bin + horizon_bins[h];
    double ratio = 1;
    if (here >= 0 && horizon_bins[h] >= 6) {
      const double there = season(history, ahead);
      if (there >= 0) ratio = std::clamp((there + ground) / (here + ground), 0.1, 10.0);
    }
    const auto minute = static_cast<std::size_t>((ahead / 6) % 60);
    points[h] = {static_cast<float>(history.level.mean), maxima[h < 4 ? 0 : (h == 4 ? 1 : 2)],
                 static_cast<float>(history.level.mean * ratio),
                 static_cast<float>(history.hour.mean) * history.minute_of_hour[minute],
                 static_cast<float>(history.day.mean)};
  }
  return points;
}

}  // namespace tidegate
