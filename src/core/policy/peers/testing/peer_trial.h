// A service on which a peer is tried in tests: ongoing requests and replicas are given at each instant.
#pragma once

#include "core/policy/policies.h"

namespace tidegate {

struct PeerTrial {
  explicit PeerTrial(PolicySpec its_policy) : policy(std::move(its_policy)) {
    spec.guardrails = {.replicas_min = Replicas{0}, .replicas_max = Replicas{100}};
  }

  // Negative: nobody knows how many.
  Proposal at(double now, double ongoing, double ready, double warming = 0) {
    seen.now = instant_at(now);
    seen.in_flight = ongoing < 0 ? Reading{.quality = Quality::stale, .value = 1} : Reading::of(ongoing);
    demand.interval = seen.now - before;
    before = seen.now;
    const PolicyInput input{.spec = spec,
                            .seen = seen,
                            .demand = demand,
                            .at_lead = forecast,
                            .over_hold = forecast,
                            .reference = capacity,
                            .history = history,
                            .ready = ready,
                            .warming = warming};
    return propose(policy, memory, input);
  }
  // The size the band makes of `present` replicas that are ready at once, `every` seconds from `from` to `to`.
  std::int32_t run(double from, double to, double ongoing, std::int32_t present, double every = 1) {
    for (double now = from; now <= to; now += every) {
      const Band band = at(now, ongoing, present).band;
      const auto up = static_cast<std::int32_t>(band.floor.value());
      const auto down = static_cast<std::int32_t>(band.ceiling.value());
      present = present < up ? up : present > down ? down : present;
    }
    return present;
  }

  PolicySpec policy;
  ServiceSpec spec;
  Observation seen;
  Demand demand;
  Instant before{};
  Forecast forecast;
  Capacity capacity;
  DemandHistory history;
  PolicyMemory memory;
};

}  // namespace tidegate
