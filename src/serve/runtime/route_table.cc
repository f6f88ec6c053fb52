#include "serve/runtime/route_table.h"

#include <algorithm>
#include <cmath>

#include "core/capacity/cold_start.h"

namespace tidegate {
namespace {

constexpr double slots_max = 1e6;
constexpr Duration overdue = 1s;  // a replica that takes longer than expected is still expected soon

std::int32_t slots_of(const Decision* decision, const std::string& pool) {
  if (decision == nullptr) return 1;
  for (const auto& one : decision->pools)
    if (one.pool == pool && one.slots >= 1)
      return static_cast<std::int32_t>(std::min(std::floor(one.slots), slots_max));
  return 1;
}

std::optional<Duration> cold_start_of(const PoolSpec& pool, const ServiceState* state) {
  static const ColdStartState nothing;
  const ColdStartState* measured = &nothing;
  if (state != nullptr)
    if (const auto found = state->pools.find(pool.name); found != state->pools.end())
      measured = &found->second.cold_starts;
  if (measured->seen == 0 && !pool.startup) return std::nullopt;
  return cold_start_quantile(*measured, pool.startup, 0.5);
}

bool is_warming(const Replica& replica) {
  return replica.state == ReplicaState::requested || replica.state == ReplicaState::starting ||
         replica.state == ReplicaState::loading;
}

}  // namespace

bool has_route(const RouteInput& input) { return input.spec.mode == Mode::act || !input.replicas.empty(); }

Duration time_to_ready(const RouteInput& input, Instant now) {
  std::optional<Duration> soonest, from_now;
  for (const auto& pool : input.spec.pools) {
    const auto cold_start = cold_start_of(pool, input.state);
    if (!cold_start) continue;
    from_now = std::min(from_now.value_or(*cold_start), *cold_start);
    for (const auto& replica : input.replicas) {
      if (replica.pool != pool.name || !is_warming(replica)) continue;
      const Duration left = std::max(overdue, *cold_start - (now - replica.created));
      soonest = std::min(soonest.value_or(left), left);
    }
  }
  const Duration expected = soonest.value_or(from_now.value_or(Duration{}));
  return std::chrono::ceil<std::chrono::seconds>(expected);
}

Route route_of(const RouteInput& input, Instant now) {
  const ServiceSpec& spec = input.spec;
  Route route{.service = spec.name,
              .match = spec.match,
              .hold = spec.hold,
              .slo = spec.slo,
              .affinity = spec.affinity,
              .endpoints = {},
              .time_to_ready = time_to_ready(input, now)};
  for (const auto& replica : input.replicas) {
    const bool is_draining = replica.state == ReplicaState::draining;
    if ((replica.state != ReplicaState::ready && !is_draining) || replica.port == 0) continue;
    route.endpoints.push_back({.replica = replica.id,
                               .pool = replica.pool,
                               .host = replica.host,
                               .port = replica.port,
                               .slots = slots_of(input.decision, replica.pool),
                               .draining = is_draining});
  }
  return route;
}

}  // namespace tidegate
