// A service in virtual time: traffic into a plant, what is seen there into `decide`, the decision back to the plant,
// tick by tick, and what it was worth in the end. This is what `simulate`, `compare`, `tune` and the bounds run.
//
// Drives the same pure function as production with the observation production would build: counts since the last
// tick, latency percentiles over 60 s, replicas per pool, cold starts. Pure: no clock, thread, file or global; the
// same spec and the same requests give the same bytes. Memory does not grow with the run.
//
// Scored is what came after the warm-up: requests by their arrival, replica-hours from then on. Requests still inside
// at the end are played to theirs, without a bill. Ticks before the warm-up's end are decided and hashed all the same.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"
#include "core/model/decision.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"
#include "lab/sim/faults.h"
#include "lab/sim/plant.h"
#include "lab/sim/request_feed.h"
#include "lab/sim/simulation_series.h"

namespace tidegate {

// Answers one observation. Called once a tick, in order.
using SimulatedDecider = std::function<Decision(const Observation& seen)>;

struct SimulationSpec {
  ServiceSpec service;           // its policies decide
  std::vector<PlantPool> pools;  // how its replicas really behave, in the order of service.pools
  std::vector<Fault> faults;     // times from the start
  Duration tick = 1s;
  Instant start{};  // of the run: clock-driven policies see this date
  Duration warm_up{};
  std::optional<Duration> length;  // none: until the last request has come
  std::uint64_t seed = 1;
  std::string trace;         // what the traffic is called, for the result
  SimulatedDecider decider;  // instead of `decide` over `service`: a plan worked out beforehand, say
};

struct LatencyQuantiles {  // of the served requests
  Duration p50{}, p90{}, p95{}, p99{};
  friend bool operator==(const LatencyQuantiles&, const LatencyQuantiles&) = default;
};

struct SimulationResult {
  std::string service;
  std::string policy;  // "slo", "target+schedule"
  std::string trace;
  std::uint64_t seed = 1;

  std::uint64_t requests = 0;
  std::uint64_t within = 0;   // met every objective
  std::uint64_t dropped = 0;  // not taken, or waited too long
  std::uint64_t cut = 0;      // their replica died under them
  LatencyQuantiles ttft, latency, queue;

  double replica_hours = 0;  // from request to gone
  double gpu_hours = 0;
  double cost = 0;  // US dollars, of pools that have a price
  std::uint64_t scale_events = 0;
  std::uint64_t reversals = 0;
  std::uint64_t cold_starts = 0;
  std::uint64_t cold_start_exposed = 0;  // requests

  Duration budget_capped{};  // of the scored time: more was needed than the fleet's budget gave
  Duration scored{};         // the time behind the figures above
  std::uint64_t ticks = 0;   // all of them, as `digest`
  std::uint64_t digest = 0;  // of the decision sequence
  bool cancelled = false;    // by the watcher: the figures cover what was played
  SimulationSeries series;   // of the whole run

  // The share of all requests that met the SLO; 1 without requests.
  [[nodiscard]] double attainment() const {
    return requests == 0 ? 1 : static_cast<double>(within) / static_cast<double>(requests);
  }
  friend bool operator==(const SimulationResult&, const SimulationResult&) = default;
};

struct SimulationProgress {
  Duration played{};
  std::uint64_t requests = 0;  // arrived so far
};
// Asked about every minute of simulated time; false ends the run.
using SimulationWatcher = std::function<bool(const SimulationProgress&)>;

// Plays the run. Fails only where the feed does.
[[nodiscard]] Result<SimulationResult> simulate(const SimulationSpec& spec, RequestFeed feed,
                                                const SimulationWatcher& watch = {});

// Adds the counts, hours and costs of one service to those of others. Quantiles do not add up and are left out; of
// the times under the budget the longest stands.
void add(SimulationResult& sum, const SimulationResult& one);

// Whether the attainment reaches the strictest percentile promised.
[[nodiscard]] bool is_met(const SimulationResult& result, const Slo& slo);

// A continuation of the hash over one more decision: verdict, reason, sizes and band.
[[nodiscard]] std::uint64_t digest_of(std::uint64_t before, const Decision& decision);

}  // namespace tidegate
