#include "lab/sim/simulation_series.h"

namespace tidegate {
namespace {

double mean(double a, double a_ticks, double b, double b_ticks) {
  const double ticks = a_ticks + b_ticks;
  return ticks == 0 ? 0 : (a * a_ticks + b * b_ticks) / ticks;
}

SimulationSample joined(const SimulationSample& a, const SimulationSample& b) {
  const auto both = [&](double SimulationSample::* field) { return mean(a.*field, a.ticks, b.*field, b.ticks); };
  return {.ticks = a.ticks + b.ticks,
          .arrivals = a.arrivals + b.arrivals,
          .ended = a.ended + b.ended,
          .within = a.within + b.within,
          .need = both(&SimulationSample::need),
          .floor = both(&SimulationSample::floor),
          .ceiling = both(&SimulationSample::ceiling),
          .ready = both(&SimulationSample::ready),
          .warming = both(&SimulationSample::warming),
          .queued = both(&SimulationSample::queued)};
}

}  // namespace

void SimulationSeries::add(Duration at, const SeriesTick& tick) {
  auto index = static_cast<std::size_t>(at / width_);
  while (index >= samples_most) {
    std::vector<SimulationSample> half;
    for (std::size_t i = 0; i < samples_.size(); i += 2)
      half.push_back(i + 1 < samples_.size() ? joined(samples_[i], samples_[i + 1]) : samples_[i]);
    samples_ = std::move(half);
    width_ *= 2;
    index = static_cast<std::size_t>(at / width_);
  }
  if (index >= samples_.size()) samples_.resize(index + 1);
  samples_[index] = joined(samples_[index], {.ticks = 1,
                                             .arrivals = tick.arrivals,
                                             .ended = tick.ended,
                                             .within = tick.within,
                                             .need = tick.need,
                                             .floor = tick.band.floor.value(),
                                             .ceiling = tick.band.ceiling.value(),
                                             .ready = tick.ready,
                                             .warming = tick.warming,
                                             .queued = tick.queued});
}

}  // namespace tidegate
