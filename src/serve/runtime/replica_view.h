// What the replicas of a service look like to the other parts of a tick: counted by state for the observation, listed
// for the signals, and how much work each has. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/model/observation.h"
#include "core/model/service_spec.h"
#include "core/signals/sample.h"
#include "core/signals/signal_book.h"
#include "edge/ports/source.h"
#include "edge/ports/target.h"

namespace tidegate {

// The replicas of one service out of a view ordered by id, in that order.
[[nodiscard]] std::vector<Replica> replicas_of(const std::string& service, std::span<const Replica> all);

// Fills in the numbers of replicas by state; pools keep the load that the readings gave them. A replica of a pool that
// is no longer configured is counted in none.
void count_replicas(Observation& seen, std::span<const Replica> replicas);

// Those whose measurements count: ready and draining ones.
[[nodiscard]] std::vector<LiveReplica> live_replicas(std::span<const Replica> replicas);
// Those whose own pages can be read.
[[nodiscard]] std::vector<ScrapeTarget> scrape_targets(std::span<const Replica> replicas);

// Requests in flight by replica, as fresh samples have it: the highest of what the gateway and the replica's own page
// say (its own queue included), as both see only a part when traffic also comes from elsewhere. No fresh sample: the
// replica is left out, which is not zero. Of services whose traffic comes in elsewhere our gateway's samples say
// nothing.
[[nodiscard]] std::map<std::string, std::int64_t> in_flight_by_replica(std::span<const Sample> samples,
                                                                       const std::set<std::string>& elsewhere,
                                                                       Instant now);

// US dollars an hour of the replicas that exist; none when the pool of one has no price.
[[nodiscard]] std::optional<double> cost_per_hour(const ServiceSpec& spec, std::span<const Replica> replicas);
[[nodiscard]] double gpus_taken(const ServiceSpec& spec, std::span<const Replica> replicas);

}  // namespace tidegate
