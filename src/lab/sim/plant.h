// A simulated service in virtual time: requests come, wait in one room, are served by replicas that start, serve,
// drain and fail. It shows `decide` the Observation the runtime would build and carries its decisions out.
//
// Requests wait in order of arrival, as in the gateway, and go to the ready replica with the fewest in service
// that has a free slot; the room is bounded by count and age, and what does not fit is dropped. A request that
// begins as the c-th in its replica stays (base + slope * c) * X, X lognormal with mean 1 and sigma `spread`;
// its first token comes after the share `first` of that. Worked: base 2 s, slope 0.1 s, spread 0: the fourth
// request of a replica stays 2.4 s.
// Deterministic: same spec, same arrivals, same decisions, same bytes. Nothing is decided here.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/prng.h"
#include "core/base/time.h"
#include "core/model/decision.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"
#include "lab/sim/arrivals.h"
#include "lab/sim/faults.h"
#include "lab/sim/lifecycle.h"
#include "lab/sim/scorecard.h"

namespace tidegate {

struct WorkModel {
  std::int32_t slots = 8;
  Duration base = 1s;
  Duration slope{};
  double spread = 0;
  double first = 0.1;  // share of the residence until the first token
  friend bool operator==(const WorkModel&, const WorkModel&) = default;
};

struct PlantPool {
  LifecyclePool life;
  WorkModel work;
  std::int32_t gpus = 0;
  std::optional<MicroUsdPerHour> price;
};

struct PlantSpec {
  std::string service;
  Slo slo;
  HoldSpec hold;
  std::vector<PlantPool> pools;
  std::vector<Fault> faults;
  Instant start{};
  std::uint64_t seed = 1;
};

class Plant {
 public:
  Plant(PlantSpec spec, ArrivalStream arrivals);

  // Plays everything up to and including `now`, which never runs backwards.
  void advance(Instant now);
  // What is seen at the instant advanced to; counts are since the last call.
  [[nodiscard]] Observation observe();
  // Orders the sizes decided. Pools the decision does not name are left alone.
  void apply(const Decision& decision);

  // The requests and replicas that ended since the last call; replicas alive at close() end there.
  [[nodiscard]] std::vector<RequestEnd> take_request_ends() { return std::exchange(request_ends_, {}); }
  [[nodiscard]] std::vector<ReplicaEnd> take_replica_ends() { return std::exchange(replica_ends_, {}); }

  // Ends the run: the bill is closed, no more requests come, those inside are played to their end.
  [[nodiscard]] const Scorecard& close();

 private:
  struct InService {
    Instant arrival{};
    Instant begun{};
    Duration ttft{};
    std::uint32_t replica = 0;
    std::size_t pool = 0;
    bool cold_start_exposed = false;
  };
  struct Ended {
    Instant at{};
    RequestEnd request;
  };
  struct Counts {
    double arrivals = 0, completions = 0, within = 0, missed = 0;
    std::vector<double> pool_completions;
  };

  [[nodiscard]] Instant next_event() const;
  void take_arrivals();
  void complete();
  void expire();
  void dispatch();
  void begin(SimulatedReplica replica, std::int32_t rank);
  void settle_replicas();
  void cut(std::uint32_t replica);
  void ended(const RequestEnd& end);
  void read_latencies(Observation& seen);

  PlantSpec spec_;
  ArrivalStream arrivals_;
  std::optional<Duration> next_arrival_;
  FaultClock faults_;
  Lifecycle life_;
  Prng random_;
  Scorecard card_;
  std::vector<RequestEnd> request_ends_;
  std::vector<ReplicaEnd> replica_ends_;
  std::deque<Instant> waiting_;                   // arrivals, oldest first
  std::multimap<Instant, InService> in_service_;  // by completion
  std::deque<Ended> recent_;                      // the last minute, for the latency readings
  Counts counts_;
  Observation last_;
  Instant now_{};
  bool closed_ = false;
};

}  // namespace tidegate
