// One tick of one service: an observation and the two forecasts a decision asks for.
#include <benchmark/benchmark.h>

#include "core/base/prng.h"
#include "core/forecast/forecast.h"

namespace tidegate {
namespace {

void observe_and_two_forecasts(benchmark::State& state) {
  DemandHistory history;
  Instant now = instant_at(1'700'000'000);
  Prng prng{1};
  const Duration tick = std::chrono::seconds{state.range(0)};
  for (auto _ : state) {
    now += tick;
    observe(history, now, tick, static_cast<double>(prng.poisson(20 * seconds(tick))));
    benchmark::DoNotOptimize(forecast_at(history, now, 60s));
    benchmark::DoNotOptimize(forecast_peak(history, now, 600s));
  }
}
BENCHMARK(observe_and_two_forecasts)->Arg(1)->Arg(10);

}  // namespace
}  // namespace tidegate
