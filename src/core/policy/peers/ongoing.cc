#include "core/policy/peers/ongoing.h"

#include <algorithm>

namespace tidegate {

Reading ongoing_reading(const Observation& seen) {
  Reading ongoing = seen.in_flight;
  if (ongoing.is_fresh()) {
    ongoing.value += seen.queued.fresh().value_or(0);
    return ongoing;
  }
  const bool has_replicas = std::ranges::any_of(seen.pools, [](const PoolObservation& pool) { return pool.ready > 0; });
  return ongoing.quality == Quality::absent && !has_replicas ? seen.queued : ongoing;
}

}  // namespace tidegate
