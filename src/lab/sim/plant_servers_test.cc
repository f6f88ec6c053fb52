// The plant with a batch server and with an LLM engine.
#include <gtest/gtest.h>

#include <cmath>

#include "core/signals/histogram_window.h"
#include "lab/sim/plant.h"
#include "lab/sim/plant_pools.h"

namespace tidegate {
namespace {

constexpr Instant start{};

PlantSpec one_replica(ServerModel server, std::int32_t slots) {
  return {.service = "m",
          .pools = {{.life = {.initial = 1}, .work = {.slots = slots}, .server = std::move(server)}},
          .start = start};
}

RequestFeed at(std::vector<Duration> times, std::int32_t input = 100, std::int32_t output = 3) {
  std::vector<SimulatedRequest> all;
  for (const auto time : times) all.push_back({time, input, output});
  return feed_of(std::move(all));
}

std::vector<Duration> latencies(Plant& plant, Duration until) {
  plant.advance(start + until);
  std::vector<Duration> all;
  for (const auto& end : plant.request_ends()) all.push_back(end.request.latency);
  return all;
}

TEST(BatchPlant, what_is_there_when_an_instance_is_idle_is_one_batch) {
  // The first goes alone: 20 + 2 ms. The next three came meanwhile: one batch, 22..48 ms.
  Plant plant{one_replica(BatchServer{.batch_max = 8, .base = 20ms, .slope = 2ms}, 64), at({0ms, 5ms, 10ms, 15ms})};
  EXPECT_EQ(latencies(plant, 1s), (std::vector<Duration>{22ms, 43ms, 38ms, 33ms}));
  EXPECT_EQ(plant.observe().completions.fresh(), 4);
}

TEST(BatchPlant, waits_for_a_full_batch_no_longer_than_its_delay) {
  const BatchServer server{.batch_max = 3, .base = 10ms, .slope = 0ms, .delay = 100ms};
  Plant early{one_replica(server, 64), at({0ms, 40ms, 60ms})};  // full at 60 ms
  EXPECT_EQ(latencies(early, 1s), (std::vector<Duration>{70ms, 30ms, 10ms}));
  Plant late{one_replica(server, 64), at({0ms, 40ms})};
  EXPECT_EQ(latencies(late, 1s), (std::vector<Duration>{110ms, 70ms}));
}

TEST(BatchPlant, instances_work_side_by_side_and_slots_bound_what_is_handed_over) {
  const BatchServer server{.instances = 2, .batch_max = 1, .base = 10ms, .slope = 0ms};
  Plant plant{one_replica(server, 2), at({0ms, 0ms, 0ms, 0ms})};
  plant.advance(start + 1ms);
  const auto seen = plant.observe();
  EXPECT_EQ(seen.in_flight.fresh(), 2);
  EXPECT_EQ(seen.queued.fresh(), 2);
  EXPECT_EQ(latencies(plant, 1s), (std::vector<Duration>{10ms, 10ms, 20ms, 20ms}));
}

TEST(BatchPlant, a_crash_cuts_what_waits_and_what_is_served) {
  auto spec = one_replica(BatchServer{.batch_max = 2, .base = 1s, .slope = 0ms}, 64);
  spec.faults = {{.at = 500ms, .what = CrashFault{}}};
  Plant plant{std::move(spec), at({0ms, 1ms, 2ms})};
  plant.advance(start + 10s);
  EXPECT_EQ(plant.close().score().cut, 3u);
}

EngineProfile round_figures() { return {.alpha_ms = 10, .beta_ms = 0.1, .gamma_ms = 0.001, .kv_tokens = 100'000}; }

TEST(EnginePlant, serves_as_the_engine_alone_does) {
  Plant plant{one_replica(round_figures(), 16), at({1s})};
  EXPECT_EQ(latencies(plant, 2s), (std::vector<Duration>{20'100us + 10'201us + 10'202us}));
  EXPECT_EQ(plant.request_ends()[0].request.ttft, 20'100us);
  EXPECT_EQ(plant.request_ends()[0].request.itl, 10'201'500ns);
  const auto seen = plant.observe();
  EXPECT_EQ(seen.input_tokens.fresh(), 100);
  EXPECT_EQ(seen.output_tokens.fresh(), 3);
  EXPECT_TRUE(seen.latency(LatencyKind::itl, Percentile::p50).is_fresh());
}

// Against an engine stepped token by token, arrivals added at the beginning of the first step after them.
TEST(EnginePlant, agrees_with_an_engine_stepped_one_iteration_at_a_time) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Prng random(seed);
    std::vector<SimulatedRequest> requests;
    Duration now{};
    for (int i = 0; i < 200; ++i) {
      now += from_seconds(random.exponential(0.2));
      requests.push_back(
          {now, 1 + static_cast<std::int32_t>(random.below(500)), 1 + static_cast<std::int32_t>(random.below(100))});
    }
    Engine engine(round_figures());
    std::vector<Duration> stepped(requests.size());
    std::vector<EngineEvent> events;
    Duration at{};
    for (std::size_t next = 0; next < requests.size() || !engine.is_idle();) {
      if (engine.is_idle() && requests[next].at > at) at = requests[next].at;
      for (; next < requests.size() && requests[next].at <= at; ++next)
        ASSERT_EQ(engine.add({next, requests[next].input_tokens, requests[next].output_tokens}), EngineAnswer::queued);
      events.clear();
      at += engine.step(events);
      for (const auto& event : events)
        if (event.is_last) stepped[event.request] = at - requests[event.request].at;
    }
    Plant plant{one_replica(round_figures(), 10'000), feed_of(requests)};
    plant.advance(start + 1h);
    ASSERT_EQ(plant.request_ends().size(), requests.size());
    std::ranges::sort(stepped);
    auto played = latencies(plant, 1h);
    std::ranges::sort(played);
    for (std::size_t i = 0; i < played.size(); ++i) EXPECT_LE(std::chrono::abs(played[i] - stepped[i]), 1us) << seed;
  }
}

TEST(EnginePlant, a_prompt_beyond_the_cache_is_refused) {
  Plant plant{one_replica(round_figures(), 16), at({1s}, 200'000, 3)};
  plant.advance(start + 2s);
  EXPECT_EQ(plant.observe().in_flight.fresh(), 0);
  EXPECT_EQ(plant.close().score().dropped, 1u);
}

TEST(EnginePlant, the_gateway_hands_over_what_was_decided) {
  Plant plant{one_replica(round_figures(), 16), at({1s, 1s, 1s, 1s, 1s}, 100, 1000)};
  plant.apply({.pools = {{.pool = "default", .replicas = Replicas{1}, .slots = 2.5}}});
  plant.advance(start + 1100ms);
  const auto seen = plant.observe();
  EXPECT_EQ(seen.in_flight.fresh(), 2);
  EXPECT_EQ(seen.queued.fresh(), 3);
}

TEST(LatencyWindow, reads_as_production_does) {
  LatencyWindow window;
  HistogramWindow real;
  std::vector<double> bounds;
  for (std::size_t i = 0; i + 1 < LatencyWindow::buckets; ++i) bounds.push_back(LatencyWindow::upper(i));
  bounds.push_back(HUGE_VAL);
  Prng random(3);
  window.advance(start);
  EXPECT_FALSE(window.quantiles().has_value());
  for (int second = 1; second <= 300; ++second) {
    std::vector<double> counts(bounds.size());
    for (int i = 0; i < 20; ++i) {
      const auto took = from_seconds(random.lognormal(0.1 + second * 0.01, 1));
      window.add(took);
      counts[LatencyWindow::bucket_of(took)] += 1;
    }
    const Instant now = start + std::chrono::seconds{second};
    real.add(bounds, counts, 0, now);
    real.forget_before(now);
    window.advance(now);
  }
  const auto values = window.quantiles();
  ASSERT_TRUE(values.has_value());
  for (std::size_t p = 0; p < percentiles; ++p) {
    const double q = fraction(static_cast<Percentile>(p));
    EXPECT_NEAR((*values)[p], *real.quantile(q), *real.quantile(q) * 0.1) << q;
  }
  window.advance(start + 10min);
  EXPECT_FALSE(window.quantiles().has_value());
}

TEST(LeastBusy, picks_the_oldest_of_the_idlest) {
  Lifecycle life{{{.initial = 3}}, start, Prng{1}};
  const std::vector<std::int32_t> slots{2};
  LeastBusy ready;
  ready.rebuild(life, slots);
  std::vector<ReplicaPlace> picked;
  for (int i = 0; i < 7; ++i) {
    const auto place = ready.pick();
    if (!place) break;
    picked.push_back(*place);
    life.begin(*place);
    ready.changed(*place, life.at(*place).in_flight - 1, life.at(*place).in_flight);
  }
  EXPECT_EQ(picked, (std::vector<ReplicaPlace>{0, 1, 2, 0, 1, 2}));
  ready.changed(1, 2, 1);
  EXPECT_EQ(ready.pick(), 1u);
}

TEST(PlantPools, a_configuration_says_how_its_replicas_behave) {
  ServiceSpec service{.pools = {{.name = "a", .startup = 30s, .capacity = {.slots = 4, .service = 2s}},
                                {.name = "b", .capacity = {.profile = "llama-3.1-8b-h100"}}}};
  auto pools = plant_pools(service);
  ASSERT_EQ(pools.size(), 2u);
  EXPECT_EQ(pools[0].life.load, 30s);
  EXPECT_EQ(pools[0].work.slots, 4);
  EXPECT_DOUBLE_EQ(full_rate(pools[0].work, pools[0].server), 2);
  EXPECT_TRUE(std::holds_alternative<EngineProfile>(pools[1].server));
  ASSERT_TRUE(read_replica_text("batch=4,base=10ms,slope=10ms,instances=2,load=5s,loads_at_once=1", pools[0]));
  EXPECT_DOUBLE_EQ(full_rate(pools[0].work, pools[0].server), 160);
  EXPECT_EQ(pools[0].life.loads_at_once, 1);
  for (const auto* wrong : {"slots", "slots=0", "load=5", "lode=5s", "slots=1,slots=2", "profile=none", "jitter=2"})
    EXPECT_FALSE(read_replica_text(wrong, pools[0]).has_value()) << wrong;
}

}  // namespace
}  // namespace tidegate
