// Decides which replica goes first, how long a failed one waits, and what a revision is. Pure.
//
// Victims, in this order: failed ones; then those not ready yet, the newest first (the least cold start is
// lost); then ready ones with the least requests in flight, where unknown counts as the most; then the newest.
// Back-off after n failures in a row: 1 s * 2^(n-1), at most 5 min: 1, 2, 4, ... 256, 300, 300 s.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/model/target_spec.h"
#include "edge/ports/target.h"

namespace tidegate {

struct Candidate {
  std::string id;
  ReplicaState state = ReplicaState::requested;
  std::optional<std::int64_t> in_flight;  // none: unknown, which is not idle
  std::uint64_t serial = 0;               // the higher, the newer
};

// At most `count` ids, first to go first.
[[nodiscard]] std::vector<std::string> choose_victims(std::vector<Candidate> candidates, std::size_t count);

[[nodiscard]] Duration back_off(std::int32_t failures);

// 16 hexadecimal digits over what a replica runs: the command, the names and references of its environment
// (never the secrets' text), the working directory, the weights. Readiness and drain times change nothing.
[[nodiscard]] std::string revision_of(const ProcessTargetSpec& spec);

}  // namespace tidegate
