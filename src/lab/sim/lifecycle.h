// The replicas of a simulated service and what becomes of them: requested, starting, loading, ready, draining,
// gone, or failed. Decides when a state ends; knows nothing of requests but how many a replica holds.
//
// An order states the committed size of a pool (requested + starting + loading + ready). Above it replicas are
// added; below it the least useful go first: those not yet ready, newest first, then the idlest ready ones,
// which drain until their last request ends or the deadline cuts it. A stock says how many more can be placed
// now; without stock a replica stays `requested`, as a pod stays pending, until some comes.
// A start takes provision + load, each times a factor uniform in [1 - jitter, 1 + jitter].
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/prng.h"
#include "core/base/time.h"
#include "core/model/observation.h"
#include "core/model/replica_state.h"

namespace tidegate {

struct LifecyclePool {
  std::string name = "default";
  std::int32_t initial = 0;           // ready at the start
  Duration provision{};               // starting: until the process or machine is up
  Duration load{};                    // loading: until the model answers
  double jitter = 0;                  // 0..1
  Duration startup_deadline = 30min;  // a replica that is not ready by then failed
  Duration drain_deadline = 5min;     // requests that last longer are cut
  std::optional<std::int32_t> stock;  // more replicas that can be placed; none: no bound is known

  friend bool operator==(const LifecyclePool&, const LifecyclePool&) = default;
};

struct SimulatedReplica {
  std::uint32_t id = 0;
  std::size_t pool = 0;
  ReplicaState state = ReplicaState::requested;
  Instant created{};
  Instant ready_at{};  // meaningful once ready
  std::int32_t in_flight = 0;
};

// A replica that has ended, as the bill and the requests in it need to know.
struct ReplicaEnd {
  std::uint32_t id = 0;
  std::size_t pool = 0;
  Instant created{};
  Instant ended{};
  std::int32_t in_flight = 0;  // requests cut with it

  [[nodiscard]] Duration life() const { return ended - created; }  // from request to gone
};

class Lifecycle {
 public:
  Lifecycle(std::vector<LifecyclePool> pools, Instant start, Prng random);

  // When the next state ends by itself; none while nothing is under way.
  [[nodiscard]] std::optional<Instant> next_change() const;
  // Performs every change due at or before `now`. Time never runs backwards.
  void advance(Instant now);

  void order(std::size_t pool, std::int32_t committed);
  // A request begins or ends in a replica. Ending one that is gone is ignored.
  void begin(std::uint32_t replica);
  void end(std::uint32_t replica);

  void crash(std::size_t pool, std::int32_t count);  // the oldest ready ones, with all they hold
  void set_stock(std::size_t pool, std::optional<std::int32_t> stock);
  void set_stuck(std::size_t pool, bool stuck);  // replicas placed from now on never get ready

  // Those not gone, by id; failed ones are listed for a minute.
  [[nodiscard]] const std::vector<SimulatedReplica>& replicas() const { return replicas_; }
  [[nodiscard]] const std::vector<LifecyclePool>& pools() const { return pools_; }
  [[nodiscard]] bool is_warming() const;
  // Counts per state of one pool; the load readings are left absent.
  [[nodiscard]] PoolObservation count(std::size_t pool) const;

  // What happened since the last call.
  [[nodiscard]] std::vector<ColdStart> take_cold_starts() { return std::exchange(cold_starts_, {}); }
  [[nodiscard]] std::vector<ReplicaEnd> take_ends() { return std::exchange(ends_, {}); }

 private:
  struct Change {
    std::uint32_t id = 0;
    ReplicaState to = ReplicaState::gone;
  };

  SimulatedReplica* find(std::uint32_t id);
  void place(SimulatedReplica& replica);
  void place_requested(std::size_t pool);
  void drain(SimulatedReplica& replica);
  void fail(SimulatedReplica& replica);
  void finish(std::uint32_t id);
  void change(SimulatedReplica& replica, ReplicaState to);
  [[nodiscard]] SimulatedReplica* victim(std::size_t pool);
  [[nodiscard]] double jittered(const LifecyclePool& pool);

  std::vector<LifecyclePool> pools_;
  std::vector<bool> stuck_;
  std::vector<SimulatedReplica> replicas_;
  std::multimap<Instant, Change> changes_;  // equal times in order of insertion
  std::vector<ColdStart> cold_starts_;
  std::vector<ReplicaEnd> ends_;
  Instant now_{};
  std::uint32_t last_id_ = 0;
  Prng random_;
};

}  // namespace tidegate
