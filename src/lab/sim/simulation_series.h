// What a simulated run looked like over time, for plots: a sample a minute, and never more than `samples_most`. When
// they would become more, neighbours are joined and the width doubles, so a year costs what a fortnight does.
// Sums are sums over the sample; replicas, queue and band are means over its ticks.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/time.h"
#include "core/model/decision.h"

namespace tidegate {

struct SimulationSample {
  double ticks = 0;
  double arrivals = 0;
  double ended = 0;  // served, dropped or cut
  double within = 0;
  double need = 0;  // weighted replicas that the work offered fills to their slots
  double floor = 0;
  double ceiling = 0;
  double ready = 0;
  double warming = 0;
  double queued = 0;

  // The share that met the SLO; 1 when nothing ended.
  [[nodiscard]] double attainment() const { return ended == 0 ? 1 : within / ended; }
  friend bool operator==(const SimulationSample&, const SimulationSample&) = default;
};

// What one tick adds; counts are since the tick before.
struct SeriesTick {
  double arrivals = 0;
  double ended = 0;
  double within = 0;
  double need = 0;
  Band band;
  double ready = 0;
  double warming = 0;
  double queued = 0;
};

class SimulationSeries {
 public:
  static constexpr std::size_t samples_most = 20'160;  // a fortnight of minutes

  // `at` counts from the start of the run and never goes back.
  void add(Duration at, const SeriesTick& tick);

  [[nodiscard]] Duration width() const { return width_; }
  // Sample i covers [i, i + 1) * width from the start of the run.
  [[nodiscard]] const std::vector<SimulationSample>& samples() const { return samples_; }
  friend bool operator==(const SimulationSeries&, const SimulationSeries&) = default;

 private:
  Duration width_ = 1min;
  std::vector<SimulationSample> samples_;
};

}  // namespace tidegate
