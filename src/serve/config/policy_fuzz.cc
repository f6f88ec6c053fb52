// Any bytes are policies or an error of one line; and what the reader accepts, `decide` can play: whatever the
// settings, no check fails and the size stays within the service's bounds. Seeded with tests/fuzz/policies, one file a
// policy.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/check.h"
#include "core/decide/decide.h"
#include "serve/config/configuration.h"

namespace {

using namespace tidegate;

constexpr std::size_t policies_most = 4;

// Rises, falls, is lost for a while, and comes back.
Observation observation(const ServiceSpec& service, int tick, std::int32_t ready) {
  Observation seen{.now = Instant{} + tick * 10s, .service = service.name};
  const double rate = 4 + 4 * std::sin(tick * 0.1);
  seen.pools = {PoolObservation{.pool = service.pools.front().name, .ready = ready}};
  if (tick % 60 > 50) return seen;
  seen.arrivals = seen.completions = Reading::of(std::floor(10 * rate));
  seen.in_flight = Reading::of(std::min(2 * rate, 8.0 * ready));
  seen.queued = Reading::of(2 * rate - seen.in_flight.value);
  seen.kv_usage = tick % 7 == 0 ? Reading{.quality = Quality::nan} : Reading::of(0.1 * rate);
  seen.gpu_util = Reading::of(0.1 * rate);
  for (const auto& kind : enum_texts<LatencyKind>)
    for (const auto& percentile : enum_texts<Percentile>)
      seen.latency(kind.value, percentile.value) = Reading::of(0.1 * rate);
  return seen;
}

void play(std::vector<PolicySpec> policies) {
  ServiceSpec service{.name = "service",
                      .guardrails = {.replicas_min = Replicas{0}, .replicas_max = Replicas{50}},
                      .policies = policies,
                      .compare_with = policies,
                      .pools = {{.name = "default", .startup = 20s, .capacity = {.slots = 8, .service = 2s}}}};
  ServiceState state;
  std::int32_t ready = 1;
  for (int tick = 1; tick <= 200; ++tick) {
    auto step = decide(service, std::move(state), observation(service, tick, ready));
    state = std::move(step.next);
    ready = step.decision.total().value();
    CHECK(ready >= 0 && ready <= 50);
  }
  const auto again = state_from_bytes(state_bytes(state));
  CHECK(again && *again == state);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto policies = read_policy_text({reinterpret_cast<const char*>(bytes), size});
  if (!policies)
    CHECK(policies.error().kind == ErrorKind::invalid && !policies.error().message.empty());
  else if (policies->size() <= policies_most)
    play(*policies);
  return 0;
}
