// The replicas of a simulated service and what becomes of them: requested, starting, loading, ready, draining,
// gone, or failed. Decides when a state ends; knows nothing of requests but how many a replica holds.
//
// An order states the committed size of a pool (requested + starting + loading + ready). Above it replicas are
// added; below it the least useful go first: those not yet ready, newest first, then the idlest ready ones,
// which drain until their last request ends or the deadline cuts it. A stock says how many more can be placed
// now; without stock a replica stays `requested`, as a pod stays pending, until some comes.
//
//   request to ready = provision + pull (starting) + load + warm_up (loading)
//
// each part times a factor: uniform in [1 - jitter, 1 + jitter], times a lognormal of mean 1 and sigma `spread`.
// Where replicas share a disk or a network, only `loads_at_once` of them load at full speed; n > loads_at_once go at
// loads_at_once / n of it. Worked: load 20 s, loads_at_once 1, two start together: both are loaded after 40 s.
// Ready replicas fail, and are reclaimed after a notice (spot), at the given rates, as Poisson processes.
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
  Duration provision{};               // starting: until the machine is there
  Duration pull{};                    // starting: image and weights, until the process runs
  Duration load{};                    // loading: weights into the GPU
  Duration warm_up{};                 // loading: until the model answers
  double jitter = 0;                  // 0..1
  double spread = 0;                  // sigma of the logarithm
  std::int32_t loads_at_once = 0;     // at full speed; 0: loads do not share anything
  Duration startup_deadline = 30min;  // a replica that is not ready by then failed
  Duration drain_deadline = 5min;     // requests that last longer are cut
  std::optional<std::int32_t> stock;  // more replicas that can be placed; none: no bound is known
  double failures_per_hour = 0;       // of a ready replica, with all it holds
  double reclaims_per_hour = 0;       // of a ready replica: it drains, and is gone after the notice
  Duration reclaim_notice = 2min;

  friend bool operator==(const LifecyclePool&, const LifecyclePool&) = default;
};

// Where a replica is kept while it lives; used again by later ones.
using ReplicaPlace = std::uint32_t;

struct SimulatedReplica {
  std::uint32_t id = 0;  // never used again
  std::size_t pool = 0;
  ReplicaState state = ReplicaState::gone;
  Instant created{};
  Instant ready_at{};  // meaningful once ready
  std::int32_t in_flight = 0;
};

// A replica that has ended, as the bill and the requests in it need to know.
struct ReplicaEnd {
  std::uint32_t id = 0;
  ReplicaPlace place = 0;
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
  // A request begins or ends in a replica that is there.
  void begin(ReplicaPlace place) { ++replicas_[place].in_flight; }
  void end(ReplicaPlace place) {
    auto& replica = replicas_[place];
    if (--replica.in_flight == 0 && replica.state == ReplicaState::draining) finish(place);
  }

  void crash(std::size_t pool, std::int32_t count);  // the oldest ready ones, with all they hold
  void set_stock(std::size_t pool, std::optional<std::int32_t> stock);
  void set_stuck(std::size_t pool, bool stuck);  // replicas placed from now on never get ready

  // The places of those not gone, by age; failed ones are listed for a minute.
  [[nodiscard]] const std::vector<ReplicaPlace>& alive() const { return alive_; }
  [[nodiscard]] const SimulatedReplica& at(ReplicaPlace place) const { return replicas_[place]; }
  // Changes whenever a replica becomes ready or ceases to be.
  [[nodiscard]] std::uint64_t version() const { return version_; }
  [[nodiscard]] const std::vector<LifecyclePool>& pools() const { return pools_; }
  [[nodiscard]] bool is_warming() const;
  // Counts per state of one pool; the load readings are left absent.
  [[nodiscard]] PoolObservation count(std::size_t pool) const;

  // What happened since the last call.
  [[nodiscard]] std::vector<ColdStart> take_cold_starts() { return std::exchange(cold_starts_, {}); }
  [[nodiscard]] std::vector<ReplicaEnd> take_ends() { return std::exchange(ends_, {}); }

 private:
  enum class Happening : std::uint8_t { loading, ready, start_failed, gone, fails, reclaimed };
  struct Change {
    ReplicaPlace place = 0;
    std::uint32_t id = 0;
    Happening what = Happening::gone;
  };
  // A load that shares its pool's bandwidth, in seconds at full speed.
  struct Load {
    ReplicaPlace place = 0;
    double left = 0;
    Duration warm_up{};
  };
  struct SharedLoads {
    std::vector<Load> loads;
    Instant since{};  // `left` is as of then
  };

  ReplicaPlace add(std::size_t pool);
  void place(ReplicaPlace place);
  void place_requested(std::size_t pool);
  void begin_load(ReplicaPlace place, Duration load, Duration warm_up);
  void get_ready(ReplicaPlace place);
  void drain(ReplicaPlace place, Duration deadline);
  void fail(ReplicaPlace place);
  void finish(ReplicaPlace place);
  void happen(const Change& change);
  void set_state(ReplicaPlace place, ReplicaState state);
  void plan(Instant at, ReplicaPlace place, Happening what) {
    changes_.emplace(at, Change{place, replicas_[place].id, what});
  }
  [[nodiscard]] std::optional<Instant> next_load(std::size_t pool) const;
  void advance_loads(std::size_t pool, Instant now);
  [[nodiscard]] double load_speed(std::size_t pool) const;
  [[nodiscard]] ReplicaPlace victim(std::size_t pool) const;
  [[nodiscard]] Duration drawn(Duration mean, const LifecyclePool& pool);

  std::vector<LifecyclePool> pools_;
  std::vector<bool> stuck_;
  std::vector<SimulatedReplica> replicas_;                 // by place
  std::vector<std::pair<Duration, Duration>> load_plans_;  // by place: load and warm-up drawn at the start
  std::vector<ReplicaPlace> alive_, unused_;
  std::vector<SharedLoads> shared_;         // by pool
  std::multimap<Instant, Change> changes_;  // equal times in order of insertion
  std::vector<ColdStart> cold_starts_;
  std::vector<ReplicaEnd> ends_;
  Instant now_{};
  std::uint32_t last_id_ = 0;
  std::uint64_t version_ = 0;
  Prng random_;
};

}  // namespace tidegate
