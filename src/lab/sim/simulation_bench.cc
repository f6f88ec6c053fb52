// Simulated requests per second and core, all of it: drawing them, the plant, the readings, `decide` once a second.
#include <benchmark/benchmark.h>

#include "lab/sim/simulation.h"

namespace tidegate {
namespace {

constexpr double requests = 1e6;

// A stream drawn beforehand and repeated, so that what is measured is the simulator.
RequestFeed poisson(double rate, std::int32_t input, std::int32_t output) {
  return feed_of(renewal_arrivals(RateCurve{}.knot(0s, rate), 1, Prng{1}), {input * 1.0, output * 1.0, 0.75, 0.95},
                 Prng{2});
}

void play(benchmark::State& state, double rate, PlantPool pool) {
  SimulationSpec spec{.service = {.name = "bench",
                                  .guardrails = {.replicas_min = Replicas{1}, .replicas_max = Replicas{100}},
                                  .policies = {SloPolicy{}},
                                  .pools = {{.name = "default"}}},
                      .pools = {std::move(pool)},
                      .length = from_seconds(requests / rate)};
  spec.pools[0].life.initial = 24;
  spec.pools[0].life.load = 60s;
  std::vector<SimulatedRequest> all(static_cast<std::size_t>(requests));
  auto feed = poisson(rate, 1155, 211);
  for (std::size_t at = 0; at < all.size();) at += feed(std::span{all}.subspan(at)).value_or(0);
  for (auto _ : state) benchmark::DoNotOptimize(simulate(spec, feed_of(all)));
  state.SetItemsProcessed(static_cast<std::int64_t>(requests) * state.iterations());
}

// 24 replicas of 8 a batch: about two thirds busy.
void simulate_batch(benchmark::State& state) {
  const BatchServer server{.instances = 1, .batch_max = 32, .base = 10ms, .slope = 1ms};
  play(state, 12'000, {.work = {.slots = 64}, .server = server});
}
BENCHMARK(simulate_batch)->Unit(benchmark::kMillisecond);

void simulate_llm(benchmark::State& state) { play(state, 150, {.work = {.slots = 64}, .server = EngineProfile{}}); }
BENCHMARK(simulate_llm)->Unit(benchmark::kMillisecond);

void simulate_slots(benchmark::State& state) { play(state, 100, {.work = {.slots = 8, .base = 1s, .spread = 0.5}}); }
BENCHMARK(simulate_slots)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tidegate
