// One tick of our policy for one service with a day of state, the tuner's share in it; and the tuner's step alone.
#include <benchmark/benchmark.h>

#include "core/base/prng.h"
#include "core/policy/slo.h"

namespace tidegate {
namespace {

struct Service {
  ServiceSpec spec;
  Observation seen;
  Demand demand{
      .interval = 1s, .arrivals_known = true, .concurrency_known = true, .residence = 2, .has_evidence = true};
  Capacity reference{.slots = 8, .residence_base = 1.2, .residence_slope = 0.1, .basis = CapacityBasis::learned};
  DemandHistory history;
  SloMemory memory;
  Prng prng{1};

  Service() {
    spec.name = "chat";
    spec.guardrails = {.replicas_min = Replicas{1}, .replicas_max = Replicas{64}};
    seen.now = instant_at(1'700'006'400);
    for (int i = 0; i < 86400; ++i) tick();
  }
  Proposal tick() {
    seen.now += 1s;
    demand.arrivals = static_cast<double>(prng.poisson(20));
    demand.in_flight = static_cast<double>(prng.poisson(40));
    seen.completions = Reading::of(demand.arrivals);
    observe(history, seen.now, 1s, demand.arrivals);
    return propose({}, memory,
                   {.spec = spec,
                    .seen = seen,
                    .demand = demand,
                    .at_lead = forecast_at(history, seen.now, 60s),
                    .over_hold = forecast_peak(history, seen.now, 120s),
                    .reference = reference,
                    .history = history,
                    .lead_time = 60s,
                    .hold_time = 120s,
                    .ready = 7});
  }
};

void policy_tick(benchmark::State& state) {
  Service service;
  for (auto _ : state) benchmark::DoNotOptimize(service.tick());
}
BENCHMARK(policy_tick);

}  // namespace
}  // namespace tidegate
