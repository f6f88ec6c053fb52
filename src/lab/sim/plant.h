// A simulated service in virtual time: requests come, wait in one room, are served by replicas that start, serve,
// drain and fail. It shows `decide` the Observation the runtime would build and carries its decisions out.
//
// Requests wait in order of arrival, as in the gateway, and go to the ready replica with the fewest in service
// that has a free slot; the room is bounded by count and age, and what does not fit is dropped. How a replica serves
// what it was handed is lab/sim/work.h, how it comes and goes lab/sim/lifecycle.h.
// Memory does not grow with the run: it is that of the requests inside (unless every one is kept for a Scorecard), and
// an event costs no allocation. Deterministic: same spec, same arrivals, same decisions, same bytes. Nothing is decided
// here.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
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
#include "lab/sim/event_queue.h"
#include "lab/sim/faults.h"
#include "lab/sim/latency_window.h"
#include "lab/sim/least_busy.h"
#include "lab/sim/lifecycle.h"
#include "lab/sim/request_feed.h"
#include "lab/sim/scorecard.h"
#include "lab/sim/work.h"

namespace tidegate {

struct PlantPool {
  LifecyclePool life;
  WorkModel work;
  double gpus = 0;  // of one replica
  std::optional<MicroUsdPerHour> price;
  ServerModel server;
};

struct PlantSpec {
  std::string service;
  Slo slo;
  HoldSpec hold;
  std::vector<PlantPool> pools;
  std::vector<Fault> faults;
  Instant start{};
  std::uint64_t seed = 1;
  bool keeps_every_request = true;  // for the Scorecard; a long run takes the ends as they come instead
};

// A request that ended, and whether it met every objective.
struct PlantEnd {
  RequestEnd request;
  bool within = false;
};

class Plant {
 public:
  // The feed is read ahead by some thousand requests. Where it fails, no more come: error() says why.
  Plant(PlantSpec spec, RequestFeed feed);
  Plant(PlantSpec spec, ArrivalStream arrivals);

  // Plays everything up to and including `now`, which never runs backwards.
  void advance(Instant now);
  // What is seen at the instant advanced to; counts are since the last call.
  [[nodiscard]] Observation observe();
  // Orders the sizes decided. Pools the decision does not name are left alone.
  void apply(const Decision& decision);

  // The requests and replicas that ended, until forgotten; replicas alive at close() end there.
  [[nodiscard]] const std::vector<PlantEnd>& request_ends() const { return request_ends_; }
  [[nodiscard]] const std::vector<ReplicaEnd>& replica_ends() const { return replica_ends_; }
  void forget_ends() { request_ends_.clear(), replica_ends_.clear(); }

  [[nodiscard]] std::uint64_t arrived() const { return arrived_; }
  // Whether the last request has come.
  [[nodiscard]] bool is_over() const { return next_arrival_ == Instant::max(); }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  // Ends the run: the bill is closed, no more requests come, those inside are played to their end. Empty unless every
  // request is kept.
  [[nodiscard]] const Scorecard& close();

 private:
  static constexpr std::uint32_t none = UINT32_MAX;

  struct Waiting {
    Instant arrival{};
    std::int32_t input_tokens = 1;
    std::int32_t output_tokens = 1;
  };
  // A request in a replica; a place of `jobs_`, chained with others of its batch or among the unused.
  struct Job {
    Instant arrival{};
    Instant begun{};  // handed to the replica
    Instant first{};  // token
    std::uint32_t pool = 0;
    ReplicaPlace place = 0;
    std::uint32_t next = none;
    std::int32_t input_tokens = 0;
    std::int32_t output_tokens = 0;
    bool cold_start_exposed = false;
    bool is_used = false;
  };
  // What a place with a batch server or an engine is about.
  struct BatchState {
    std::uint32_t head = none, tail = none;  // handed over, not begun
    std::int32_t waiting = 0;
    std::int32_t busy = 0;  // instances
    Instant timer{};
  };
  enum class EnginePhase : std::uint8_t {
    idle,
    between,   // two iterations, at this very instant
    stepping,  // an iteration is under way: what it yields is in `events`
    cruising,  // only decoding lies before the next milestone
  };
  struct EngineState {
    std::unique_ptr<Engine> engine;
    EnginePhase phase = EnginePhase::idle;
    Instant at{};               // up to where the engine was played
    std::uint32_t version = 0;  // of its one event
    std::vector<EngineEvent> events;
  };
  struct PlaceState {
    std::uint32_t stamp = 0;  // events with another one are void
    BatchState batch;
    EngineState engine;
  };
  struct Counts {
    double arrivals = 0, completions = 0, within = 0, missed = 0, input_tokens = 0, output_tokens = 0;
    std::vector<double> pool_completions;
    std::vector<double> pool_itl;  // sums, of those completions that have one
    std::vector<double> pool_itl_count;
  };

  [[nodiscard]] Instant next_slow() const;
  void read_feed();
  void take_arrival();
  void drop(Instant arrival, Duration wait);
  void expire();
  void dispatch();
  void settle_replicas();
  void cut(ReplicaPlace place);
  [[nodiscard]] PlaceState& state_of(ReplicaPlace place);

  // plant_serving.cc
  void hand_over(ReplicaPlace place, const Waiting& request);
  void serve_slot(std::uint32_t job);
  void serve_batches(ReplicaPlace place);
  void end_batch(const PlantEvent& event);
  void serve_engine(std::uint32_t job);
  void schedule_engine(ReplicaPlace place);
  void play_engine(const PlantEvent& event);
  void happen(const PlantEvent& event);
  void end_job(std::uint32_t job, RequestOutcome outcome);
  [[nodiscard]] std::uint32_t new_job();
  [[nodiscard]] double slowed(ReplicaPlace place) const;

  // plant_view.cc
  void count_end(const RequestEnd& end);
  void forget_counts();
  void read_latencies(Observation& seen);
  void read_servers(Observation& seen);

  PlantSpec spec_;
  RequestFeed feed_;
  std::vector<SimulatedRequest> batch_;
  std::size_t batch_at_ = 0, batch_count_ = 0;
  std::optional<Error> error_;
  Instant next_arrival_ = Instant::max();
  std::uint64_t arrived_ = 0;

  FaultClock faults_;
  Lifecycle life_;
  Instant slow_{};  // the next fault or change of a replica
  Prng random_;
  std::vector<std::int32_t> slots_;  // by pool, as the gateway knows them
  LeastBusy ready_;
  std::uint64_t ready_version_ = UINT64_MAX;

  std::deque<Waiting> waiting_;  // oldest first
  EventQueue events_;
  std::vector<Job> jobs_;
  std::uint32_t unused_job_ = none;
  std::vector<PlaceState> places_;
  std::vector<std::int32_t> pool_in_flight_;
  std::int32_t in_flight_ = 0;

  LatencyWindow ttft_, latency_, queue_wait_, itl_;
  std::vector<PlantEnd> request_ends_;
  std::vector<ReplicaEnd> replica_ends_;
  Scorecard card_;
  Counts counts_;
  Observation last_;
  Instant now_{};
  bool closed_ = false;
};

}  // namespace tidegate
