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
#include "core/model/decision.h"

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

struct ServiceState {
  Instant now{};         // of the newest observation; the epoch: none yet
  bool started = false;  // an observation has been seen
  DemandHistory history;
  std::map<std::string, PoolMemory> pools;  // by name

  friend bool operator==(const ServiceState&, const ServiceState&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(now, started, history, pools);
  }
};

[[nodiscard]] std::vector<std::byte> state_bytes(const ServiceState& state);
[[nodiscard]] Result<ServiceState> state_from_bytes(std::span<const std::byte> bytes);

[[nodiscard]] std::vector<std::byte> learned_bytes(const ServiceState& state);
[[nodiscard]] Result<ServiceState> state_from_learned(std::span<const std::byte> bytes);

}  // namespace tidegate
