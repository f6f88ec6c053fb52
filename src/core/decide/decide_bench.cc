// decide_slo: one tick of one service with our own policy, its state warm. slo_state_bytes: what is remembered of it
// after two weeks, as the journal writes it; slo_state_memory_bytes: as it stands in memory.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cmath>
#include <vector>

#include "core/base/prng.h"
#include "core/decide/decide.h"

namespace tidegate {
namespace {

ServiceSpec service() {
  ServiceSpec spec;
  spec.name = "chat";
  spec.guardrails.replicas_max = Replicas{64};
  spec.pools = {PoolSpec{.name = "gpu", .gpus = 1, .startup = 60s, .capacity = {.slots = 16, .service = 3s}}};
  return spec;
}

Observation seen(Instant now, Prng& random, std::int32_t ready) {
  Observation observation{.now = now, .service = "chat"};
  const auto arrivals = static_cast<double>(random.poisson(20));
  observation.arrivals = Reading::of(arrivals);
  observation.completions = Reading::of(static_cast<double>(random.poisson(20)));
  observation.in_flight = Reading::of(55 + 10 * random.uniform());
  observation.queued = Reading::of(0);
  observation.latency(LatencyKind::ttft, Percentile::p99) = Reading::of(0.4);
  observation.within_slo = Reading::of(arrivals);
  observation.missed_slo = Reading::of(0);
  observation.pools = {PoolObservation{.pool = "gpu", .ready = ready}};
  return observation;
}

// What is seen is made beforehand: drawing it costs as much as deciding about it.
class Sights {
 public:
  Sights() {
    Prng random(7);
    for (auto& one : all_) one = seen(Instant{}, random, 0);
  }
  const Observation& next(Instant now, std::int32_t ready) {
    auto& one = all_[at_++ % all_.size()];
    one.now = now;
    one.pools.front().ready = ready;
    return one;
  }

 private:
  std::vector<Observation> all_ = std::vector<Observation>(1024);
  std::size_t at_ = 0;
};

void decide_slo(benchmark::State& bench) {
  const auto spec = service();
  Sights sights;
  ServiceState state;
  Instant now{};
  std::int32_t ready = 6;
  const auto tick = [&] {
    now += 1s;
    auto step = decide(spec, std::move(state), sights.next(now, ready));
    state = std::move(step.next);
    ready = step.decision.total().value();
  };
  for (int i = 0; i < 4 * 3600; ++i) tick();  // forecasters and tuner know the service
  for (auto _ : bench) tick();
}
BENCHMARK(decide_slo)->Unit(benchmark::kMicrosecond);

// Two weeks with their days and nights, so that every season and every window of the state is full.
const ServiceState& grown_state() {
  static const ServiceState grown = [] {
    const auto spec = service();
    Prng random(7);
    ServiceState state;
    std::int32_t ready = 6;
    for (Instant now{}; now < Instant{} + 24h * 14; now += 10s) {
      auto observation = seen(now, random, ready);
      const double rate = 20 * (1 + 0.8 * std::sin(seconds(now - Instant{}) * 2 * 3.14159265 / 86400));
      observation.arrivals = observation.completions = observation.within_slo =
          Reading::of(static_cast<double>(random.poisson(10 * rate)));
      observation.in_flight = Reading::of(static_cast<double>(random.poisson(2.8 * rate)));
      auto step = decide(spec, std::move(state), observation);
      state = std::move(step.next);
      ready = step.decision.total().value();
    }
    return state;
  }();
  return grown;
}

void slo_state_bytes(benchmark::State& bench) {
  const auto& state = grown_state();
  std::size_t bytes = 0;
  for (auto _ : bench) bytes = state_bytes(state).size();
  bench.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(slo_state_bytes)->Unit(benchmark::kMicrosecond);

void slo_state_memory_bytes(benchmark::State& bench) {
  constexpr std::size_t copies = 64;
  const auto& state = grown_state();
  double bytes = 0;
  for (auto _ : bench) {
    const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    const std::vector<ServiceState> all(copies, state);
    bytes = static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd - before) / copies;
  }
  bench.counters["bytes"] = bytes;
}
BENCHMARK(slo_state_memory_bytes)->Unit(benchmark::kMicrosecond);

void decide_target(benchmark::State& bench) {
  auto spec = service();
  spec.policies = {TargetPolicy{.target = 8}};
  Sights sights;
  ServiceState state;
  Instant now{};
  for (auto _ : bench) {
    now += 1s;
    auto step = decide(spec, std::move(state), sights.next(now, 8));
    state = std::move(step.next);
  }
}
BENCHMARK(decide_target)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tidegate
