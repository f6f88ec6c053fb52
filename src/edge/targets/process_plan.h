// Decides what becomes of every replica of the process target: when it starts and on which GPUs, when it is
// ready, failed, restarted, drained, stopped; and how a new revision replaces an old one. Pure: time, exits,
// probes and GPUs are told to it; it answers with efforts for others to carry out. It touches no process.
//
//   requested -> starting -> loading -> ready -> draining -> gone
//   (no slot: stays requested)      \-> failed -> (back-off) -> requested, under the same id
//
// Invariants:
//  - `wanted` replicas of a pool exist, counting failed ones that wait for their back-off: a pool that cannot
//    start never holds more processes than were ordered (one more while a revision surges);
//  - a replica in `draining` gets SIGTERM only when two reports in a row, taken after it began to drain, say that
//    nothing is in flight, or at its deadline; silence is not idleness;
//  - without an order nothing is raised or lowered: adopted replicas stay as they are;
//  - a rollout has one replacement under way at a time, and drains an old replica only when its replacement is
//    ready, or when no slot is free for one.
// A rollout whose replacement fails before it was ever ready ends: the old stay, new replicas use the old command
// where it is known, and the same revision is not tried again until it changes or `restart` is called.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/prng.h"
#include "core/base/time.h"
#include "edge/machine/gpu_slots.h"
#include "edge/ports/target.h"

namespace tidegate {

// Start one process: everything that is needed, copied, so that a reload cannot change it underway.
struct StartOrder {
  Replica replica;
  ProcessTargetSpec spec;
  std::optional<Bytes> gpu_memory;
};

enum class Effort : std::uint8_t { start, probe, terminate, kill, remember, forget };
struct Action {
  Effort effort = Effort::probe;
  StartOrder order;  // the replica as it is now; spec only for start and probe
};

enum class Readiness : std::uint8_t { refused, loading, ready };
struct ProbeAnswer {
  Readiness readiness = Readiness::refused;
  std::string detail;  // what it waits for: "GET /health answers 503"
};

struct AdoptedReplica {
  Replica replica;  // state starting, loading, ready or draining; pid and port known
  std::optional<Bytes> gpu_memory;
};

class ProcessPlan {
 public:
  explicit ProcessPlan(std::uint64_t seed) : prng_(seed) {}

  // What people and the control loop say.
  void configure(const std::vector<ServiceSpec>& services, Instant now);
  void order(const std::string& service, const std::vector<Order>& pools);
  void in_flight(const std::map<std::string, std::int64_t>& by_replica);
  [[nodiscard]] Result<void> restart(const std::string& service);
  // Ends everything at once: SIGTERM now, SIGKILL after kill_after.
  void stop_all(Instant now);

  // What the machine says.
  void adopt(const AdoptedReplica& adopted, Instant now);
  void gpus(std::vector<Gpu> machine) { machine_ = std::move(machine); }
  void started(const std::string& id, std::int64_t pid, std::uint16_t port, Instant now);
  void start_failed(const std::string& id, const std::string& message, Instant now);
  void probed(const std::string& id, const ProbeAnswer& answer, Instant now);
  void exited(const std::string& id, const std::string& how, const std::vector<std::string>& log_tail, Instant now);
  void report(TargetEvent event);

  // What to do now. Each action is handed out once.
  [[nodiscard]] std::vector<Action> step(Instant now);
  // When time alone brings the next thing to do; Instant::max() when nothing does.
  [[nodiscard]] Instant wakes_at() const;
  [[nodiscard]] TargetView look();
  [[nodiscard]] bool is_empty() const { return members_.empty(); }

 private:
  using PoolKey = std::pair<std::string, std::string>;  // service, pool

  struct Member {
    Replica seen;
    std::uint64_t serial = 0;
    std::optional<Bytes> gpu_memory;
    bool running = false;   // a process exists, or is being started
    bool stale = false;     // to be replaced, whatever its revision (restart)
    bool stopping = false;  // SIGTERM is on its way
    bool killed = false;
    bool probing = false;
    bool was_ready = false;     // in this life
    std::string stop_cause;     // why we stop a replica that is not draining
    std::int32_t failures = 0;  // in a row
    Instant started{};          // this life
    Instant stop_at{};
    Instant retry_at{};
    Instant probe_at{};
    std::optional<std::int64_t> in_flight;
    std::int32_t idle_reports = 0;  // in a row, since it drains
  };
  struct Pool {
    std::optional<PoolSpec> spec;  // none: no longer configured
    ProcessTargetSpec process;
    std::string revision;
    std::optional<std::pair<std::string, ProcessTargetSpec>> proven;  // the newest that got ready
    std::string bad_revision;
    std::optional<std::int32_t> wanted;  // none: not ordered yet
  };

  [[nodiscard]] Member* find(const std::string& id);
  [[nodiscard]] Pool& pool_of(const Member& member) { return pools_[{member.seen.service, member.seen.pool}]; }
  [[nodiscard]] std::vector<Member*> members_of(const PoolKey& key, bool draining);
  [[nodiscard]] bool is_old(const Pool& pool, const Member& member) const;
  [[nodiscard]] bool is_rolling(const PoolKey& key) const;
  [[nodiscard]] static std::vector<std::string> victims(const std::vector<Member*>& members, std::size_t count);
  [[nodiscard]] std::vector<GpuPlacement> placements() const;
  [[nodiscard]] bool has_room(const PoolKey& key, std::size_t alive) const;

  void reconcile(const PoolKey& key, Pool& pool, Instant now);
  void roll(const PoolKey& key, Pool& pool, std::vector<Member*> alive, std::size_t wanted, Instant now);
  void create(const PoolKey& key, const Pool& pool, Instant now);
  bool resume_drained(const PoolKey& key, const Pool& pool, Instant now);
  void drain(const std::string& id, Instant now);
  void advance(Member& member, Instant now);
  void place(Member& member, Instant now);
  void stop(Member& member, Instant now);
  void become(Member& member, ReplicaState state, Instant now);
  void lose(Member& member, const std::string& message, const std::vector<std::string>& log_tail, Instant now);
  void remove(const std::string& id);
  void act(Effort effort, const Member& member);
  void note(const Member& member, Reason reason, std::string message, Instant now);
  [[nodiscard]] Instant wakes_at(const Member& member) const;

  Prng prng_;
  std::uint64_t serials_ = 0;
  bool configured_ = false;
  std::map<PoolKey, Pool> pools_;
  std::map<std::string, Member> members_;  // by id
  std::vector<Gpu> machine_;
  std::vector<Action> actions_;
  std::vector<TargetEvent> events_;
  std::map<std::string, std::vector<ColdStart>> cold_starts_;
};

}  // namespace tidegate
