// Which ready replica gets the next request: the one with the fewest in service that has a free slot, the oldest among
// equals, as the gateway's balancer chooses. Constant time but for a scan over words of 64 replicas.
// Rebuilt when replicas become ready or cease to be; told of every request that begins or ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lab/sim/lifecycle.h"

namespace tidegate {

class LeastBusy {
 public:
  // `slots` of a replica, by pool.
  void rebuild(const Lifecycle& replicas, std::span<const std::int32_t> slots);
  [[nodiscard]] std::optional<ReplicaPlace> pick();
  // The in-flight count of a replica changed by one, to `in_flight`.
  void changed(ReplicaPlace place, std::int32_t before, std::int32_t in_flight);
  // How many ready replicas are older; zero for one that is not ready.
  [[nodiscard]] std::int32_t rank(ReplicaPlace place) const {
    return place < ranks_.size() ? std::max(0, ranks_[place]) : 0;
  }

 private:
  void add(ReplicaPlace place, std::int32_t in_flight);
  void remove(ReplicaPlace place, std::int32_t in_flight);

  std::vector<std::int32_t> ranks_;    // by place; negative: not ready
  std::vector<std::int32_t> slots_;    // by place
  std::vector<ReplicaPlace> places_;   // by rank
  std::vector<std::uint64_t> bits_;    // of level c: words [c * words_, (c + 1) * words_), a bit for each rank
  std::vector<std::uint32_t> counts_;  // of each level
  std::size_t words_ = 0;
  std::size_t lowest_ = 0;  // no lower level has any
};

}  // namespace tidegate
