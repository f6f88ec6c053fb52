#include <benchmark/benchmark.h>

#include "core/base/prng.h"
#include "lab/sim/engine.h"

namespace tidegate {
namespace {

// A replica kept at `running` requests, of 1,000 input and 200 output tokens on average.
void keep(Engine& engine, Prng& random, std::int64_t running, EngineRequestId& next) {
  for (EngineLoad load = engine.load(); load.running + load.waiting < running; load = engine.load())
    if (engine.add({.id = next++,
                    .input_tokens = 500 + static_cast<std::int32_t>(random.below(1000)),
                    .output_tokens = 1 + static_cast<std::int32_t>(random.below(399))}) != EngineAnswer::queued)
      return;
}

void engine_step_every_token(benchmark::State& state) {
  Engine engine({});
  Prng random(1);
  EngineRequestId next = 0;
  std::vector<EngineEvent> events;
  std::int64_t tokens = 0;
  for (auto _ : state) {
    keep(engine, random, state.range(0), next);
    events.clear();
    benchmark::DoNotOptimize(engine.step(events));
    tokens += static_cast<std::int64_t>(events.size());
  }
  state.SetItemsProcessed(tokens);
}
BENCHMARK(engine_step_every_token)->Arg(8)->Arg(64)->Arg(256);

// What a simulator pays: requests per second, milestones only.
void engine_leap_requests(benchmark::State& state) {
  Engine engine({});
  Prng random(1);
  EngineRequestId next = 0;
  std::vector<EngineEvent> events;
  for (auto _ : state) {
    keep(engine, random, state.range(0), next);
    events.clear();
    benchmark::DoNotOptimize(engine.leap(1h, events));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(next));
}
BENCHMARK(engine_leap_requests)->Arg(8)->Arg(64)->Arg(256);

}  // namespace
}  // namespace tidegate
