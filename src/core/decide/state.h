// All that is remembered of one service between two ticks: comparable, serialisable, no hidden members.
//
// Bytes carry a version. Bytes of another version, or damaged ones, are refused; what is dear to learn (capacity,
// cold starts) is also written by itself (learned_bytes), so that it survives a new version: the caller then starts
// from state_from_learned, which holds until its windows are full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"
#include "core/capacity/capacity_state.h"
#include "core/capacity/cold_start.h"
#include "core/forecast/demand_history.h"
#include "core/policy/policies.h"

namespace tidegate {

// What was learned of one pool's replicas. Kept across state versions.
struct PoolMemory {
  CapacityState capacity;
  ColdStartState cold_starts;

  friend bool operator==(const PoolMemory&, const PoolMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(capacity, cold_starts);
  }
};

// What the observe stage needs of earlier ticks.
struct LoadMemory {
  bool concurrency_known = false;  // at the previous tick
  double in_flight = 0;
  double queued = 0;
  // Little's law over the last two minutes or so: requests in service times seconds, and completions.
  double busy = 0;
  double completions = 0;
  // Counts of arrivals in ten-second bins: sums of them and of half their squared differences, forgotten alike.
  double bin_seconds = 0;
  double bin_arrivals = 0;
  double bin_last = -1;  // negative: none
  double bin_mean = 0;
  double bin_square = 0;
  double bin_weight = 0;

  friend bool operator==(const LoadMemory&, const LoadMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(concurrency_known, in_flight, queued, busy, completions, bin_seconds, bin_arrivals, bin_last, bin_mean,
       bin_square, bin_weight);
  }
};

struct SizeChange {
  Instant at{};
  std::int32_t change = 0;
  friend bool operator==(const SizeChange&, const SizeChange&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(at, change);
  }
};

// What the guardrails need: survives restarts, so that a limit over a period is one.
struct GuardMemory {
  std::optional<std::int32_t> decided;  // the newest total
  std::vector<SizeChange> ledger;       // changes of the total, oldest first, bounded
  std::int32_t direction = 0;           // of the newest change
  std::optional<Instant> reversed;      // when a change last went against the one before
  std::optional<Instant> blind_until;   // nothing lowers before: evidence was lost, or a restart forgot the past
  bool is_restart = false;              // ... because of a restart

  friend bool operator==(const GuardMemory&, const GuardMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(decided, ledger, direction, reversed, blind_until, is_restart);
  }
};

// A pool whose replicas fail to start, or find no place, is not fed for ever (core/decide/pool_limits.h).
struct StartMemory {
  std::int32_t failed = 0;      // at the previous tick
  std::int32_t failures = 0;    // since a replica last got ready
  std::int32_t allowed = 0;     // committed replicas allowed meanwhile
  Instant retry{};              // no further start before
  std::int32_t stock_outs = 0;  // since a replica last got ready
  Instant restock{};            // no more is asked for before
  friend bool operator==(const StartMemory&, const StartMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(failed, failures, allowed, retry, stock_outs, restock);
  }
};

// A peer plays its own game: its size is what it would have had.
struct PeerMemory {
  PolicyMemory memory;
  double size = 0;
  friend bool operator==(const PeerMemory&, const PeerMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(memory, size);
  }
};

struct ServiceState {
  bool started = false;  // an observation has been seen
  Instant now{};         // of the newest one
  LoadMemory load;
  DemandHistory history;
  std::map<std::string, PoolMemory> pools;    // by name
  std::map<std::string, StartMemory> starts;  // by pool
  std::optional<double> moving;               // weight that the move under way keeps (core/decide/pool_move.h)
  std::vector<PolicyMemory> policies;         // in the order of the spec
  std::vector<PeerMemory> peers;
  GuardMemory guard;

  friend bool operator==(const ServiceState&, const ServiceState&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(started, now, load, history, pools, starts, moving, policies, peers, guard);
  }
};

[[nodiscard]] std::vector<std::byte> state_bytes(const ServiceState& state);
[[nodiscard]] Result<ServiceState> state_from_bytes(std::span<const std::byte> bytes);

[[nodiscard]] std::vector<std::byte> learned_bytes(const ServiceState& state);
[[nodiscard]] Result<ServiceState> state_from_learned(std::span<const std::byte> bytes);

}  // namespace tidegate
