// What the gateway is told: where each service's replicas listen, how many requests one takes at once, and when the
// next one is expected. Pure.
//
// Endpoints are the ready replicas, and the draining ones marked so; one that only starts is never listed. Slots are
// those of the pool's decision, rounded down, at least 1 (unknown capacity: one request at a time). A service in
// shadow mode without replicas of its own has no route: nothing would ever answer there.
//
// time_to_ready, 0 = unknown: the least of (learned cold start - age) over the warming replicas of a pool, at least
// 1 s; without any, the least cold start of a pool, as a start would have to begin now. Whole seconds, rounded up, so
// that a table does not change with every tick. A pool with neither a measured start nor a prior says nothing.
// Worked example: cold start 20 s, one replica requested 6.4 s ago: 14 s.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/decide/state.h"
#include "core/model/decision.h"
#include "core/model/fleet_spec.h"
#include "edge/ports/gateway_link.h"
#include "edge/ports/target.h"

namespace tidegate {

// What is known of one service at a tick. State and decision may be missing before the first.
struct RouteInput {
  const ServiceSpec& spec;
  std::span<const Replica> replicas;  // of this service
  const ServiceState* state = nullptr;
  const Decision* decision = nullptr;
};

[[nodiscard]] bool has_route(const RouteInput& input);
[[nodiscard]] Route route_of(const RouteInput& input, Instant now);
[[nodiscard]] Duration time_to_ready(const RouteInput& input, Instant now);

}  // namespace tidegate
