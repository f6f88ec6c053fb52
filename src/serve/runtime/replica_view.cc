#include "serve/runtime/replica_view.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr int stale_periods = 3;  // a sample older than three periods of its source is stale (core/signals/sample.h)

bool serves(const Replica& replica) {
  return replica.state == ReplicaState::ready || replica.state == ReplicaState::draining;
}

std::int32_t* field_of(PoolObservation& pool, ReplicaState state) {
  switch (state) {
    case ReplicaState::requested:
      return &pool.requested;
    case ReplicaState::starting:
      return &pool.starting;
    case ReplicaState::loading:
      return &pool.loading;
    case ReplicaState::ready:
      return &pool.ready;
    case ReplicaState::draining:
      return &pool.draining;
    case ReplicaState::failed:
      return &pool.failed;
    case ReplicaState::gone:
      return nullptr;
  }
  return nullptr;
}

}  // namespace

std::vector<Replica> replicas_of(const std::string& service, std::span<const Replica> all) {
  std::vector<Replica> found;
  for (const auto& replica : all)
    if (replica.service == service && replica.state != ReplicaState::gone) found.push_back(replica);
  return found;
}

void count_replicas(Observation& seen, std::span<const Replica> replicas) {
  for (auto& pool : seen.pools)
    for (const auto& replica : replicas)
      if (replica.pool == pool.pool)
        if (auto* field = field_of(pool, replica.state)) ++*field;
}

std::vector<LiveReplica> live_replicas(std::span<const Replica> replicas) {
  std::vector<LiveReplica> live;
  for (const auto& replica : replicas)
    if (serves(replica))
      live.push_back(
          {.replica = replica.id, .pool = replica.pool, .draining = replica.state == ReplicaState::draining});
  return live;
}

std::vector<ScrapeTarget> scrape_targets(std::span<const Replica> replicas) {
  std::vector<ScrapeTarget> targets;
  for (const auto& replica : replicas)
    if (serves(replica) && replica.port != 0)
      targets.push_back({.service = replica.service,
                         .pool = replica.pool,
                         .replica = replica.id,
                         .host = replica.host,
                         .port = replica.port});
  return targets;
}

std::map<std::string, std::int64_t> in_flight_by_replica(std::span<const Sample> samples,
                                                         const std::set<std::string>& elsewhere, Instant now) {
  // By replica and origin first: what runs and what waits at one replica add up, two origins do not.
  std::map<std::pair<std::string, Origin>, double> parts;
  for (const auto& sample : samples) {
    const bool counts =
        sample.signal == Signal::in_flight || (sample.signal == Signal::queued && sample.origin == Origin::replica);
    const auto* gauge = std::get_if<Gauge>(&sample.value);
    if (!counts || sample.replica.empty() || gauge == nullptr || sample.quality != Quality::fresh) continue;
    if (sample.origin == Origin::gateway && elsewhere.contains(sample.service)) continue;
    if (now - sample.taken > sample.period * stale_periods || !std::isfinite(gauge->value)) continue;
    parts[{sample.replica, sample.origin}] += std::max(gauge->value, 0.0);
  }
  std::map<std::string, std::int64_t> found;
  for (const auto& [key, value] : parts) {
    auto& highest = found[key.first];
    highest = std::max(highest, static_cast<std::int64_t>(std::ceil(value)));
  }
  return found;
}

std::optional<double> cost_per_hour(const ServiceSpec& spec, std::span<const Replica> replicas) {
  double dollars = 0;
  for (const auto& pool : spec.pools) {
    if (!pool.price) return std::nullopt;
    for (const auto& replica : replicas)
      if (replica.pool == pool.name && replica.state != ReplicaState::failed)
        dollars += static_cast<double>(pool.price->value()) * 1e-6;
  }
  return dollars;
}

double gpus_taken(const ServiceSpec& spec, std::span<const Replica> replicas) {
  double taken = 0;
  for (const auto& replica : replicas) {
    const auto pool = std::ranges::find(spec.pools, replica.pool, &PoolSpec::name);
    if (pool != spec.pools.end() && pool->gpu_share)
      taken += *pool->gpu_share;
    else
      taken += static_cast<double>(replica.gpus.size()) + replica.remote_gpus;
  }
  return taken;
}

}  // namespace tidegate
