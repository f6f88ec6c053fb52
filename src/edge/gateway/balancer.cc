#include "edge/gateway/balancer.h"

#include <xxhash.h>

#include <algorithm>

namespace tidegate {

void ReplicaLoad::failed(Instant now) {
  failures = std::min(failures + 1, 6);
  suspect_until = now + 250ms * (1 << (failures - 1));
}

int pick_replica(std::span<const ReplicaLoad* const> loads, Instant now, int preferred, int avoid) {
  if (preferred >= 0 && preferred != avoid && loads[static_cast<std::size_t>(preferred)]->has_slot(now))
    return preferred;
  int best = -1;
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const ReplicaLoad& load = *loads[i];
    if (!load.has_slot(now) || static_cast<int>(i) == avoid) continue;
    if (best >= 0) {
      const ReplicaLoad& leader = *loads[static_cast<std::size_t>(best)];
      // in_flight / slots, compared without dividing.
      if (static_cast<std::int64_t>(load.in_flight) * leader.slots >=
          static_cast<std::int64_t>(leader.in_flight) * load.slots)
        continue;
    }
    best = static_cast<int>(i);
  }
  if (best < 0 && avoid >= 0 && loads[static_cast<std::size_t>(avoid)]->has_slot(now)) return avoid;
  return best;
}

AffinityKeys AffinityKeys::of_session(std::string_view session) {
  AffinityKeys keys;
  keys.keys_.push_back(XXH3_64bits(session.data(), session.size()));
  return keys;
}

AffinityKeys AffinityKeys::of_prompt(std::string_view prompt) {
  AffinityKeys keys;
  std::uint64_t chain = 0x74696465;
  while (prompt.size() >= block_bytes && keys.keys_.size() < blocks_max) {
    chain = XXH3_64bits_withSeed(prompt.data(), block_bytes, chain);
    keys.keys_.push_back(chain);
    prompt.remove_prefix(block_bytes);
  }
  return keys;
}

std::uint32_t AffinityTable::find(const AffinityKeys& keys) const {
  if (entries_.empty()) return 0;
  const auto all = keys.all();
  for (std::size_t known = all.size(); known * 2 >= all.size() && known > 0; --known) {
    const Entry& entry = entries_[all[known - 1] % size];
    if (entry.key == all[known - 1]) return entry.replica;
  }
  return 0;
}

void AffinityTable::remember(const AffinityKeys& keys, std::uint32_t replica) {
  if (keys.all().empty()) return;
  if (entries_.empty()) entries_.resize(size);
  for (const std::uint64_t key : keys.all()) entries_[key % size] = {key, replica};
}

}  // namespace tidegate
