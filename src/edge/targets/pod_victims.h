// Decides which pods are to go first when a workload gets smaller. Pure. It has to agree with the controllers, which
// choose in the end:
//
//   a StatefulSet and the like   the highest ordinals, whatever else is so
//   a ReplicaSet                 pods that are not Ready, then those of the least deletion cost
//
// Among Ready pods of a ReplicaSet, which the deletion cost of the chosen ones lets go: the idlest, where unknown
// counts as the most, then the newest. Where nodes are paid whole, first all pods of a node that holds no others, as
// many such nodes as the number allows, the idlest node first.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/model/replica_state.h"

namespace tidegate {

struct PodCandidate {
  std::string id;
  ReplicaState state = ReplicaState::requested;
  std::string node;
  std::optional<std::int64_t> in_flight;  // none: unknown, which is not idle
  std::optional<std::int64_t> ordinal;    // of a StatefulSet
  bool is_old_revision = false;
  Instant created{};
};

// Pods on a node that are no candidates; a node that is not in it holds none. Without it nodes do not matter.
using OthersByNode = std::map<std::string, std::int32_t>;

// At most `count` ids, first to go first.
[[nodiscard]] std::vector<std::string> choose_pod_victims(std::vector<PodCandidate> candidates, std::size_t count,
                                                          const OthersByNode* others);

}  // namespace tidegate
