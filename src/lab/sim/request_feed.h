// The requests a simulated run is offered, in order of time, handed out many at once so that a request costs
// nanoseconds. Times count from the start of the run. Decides nothing about where requests come from: a traffic file
// (lab/sim/traffic), a rate curve (lab/sim/arrivals), or a list.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/base/error.h"
#include "core/base/prng.h"
#include "core/base/time.h"
#include "lab/sim/arrivals.h"
#include "lab/sim/traffic.h"
#include "lab/sim/traffic_sizes.h"

namespace tidegate {

struct SimulatedRequest {
  Duration at{};
  std::int32_t input_tokens = 1;
  std::int32_t output_tokens = 1;
  friend bool operator==(const SimulatedRequest&, const SimulatedRequest&) = default;
};

// Fills the beginning of `into` with the next requests and says how many; zero at the end of the traffic.
using RequestFeed = std::function<Result<std::size_t>(std::span<SimulatedRequest> into)>;

[[nodiscard]] RequestFeed feed_of(std::vector<SimulatedRequest> requests);
// Sizes drawn from `sizes`.
[[nodiscard]] RequestFeed feed_of(ArrivalStream arrivals, const TokenSizes& sizes, Prng random);
// A traffic file whose time `origin` is the start of the run; requests before it are left out.
[[nodiscard]] RequestFeed feed_of(TrafficReader reader, Duration origin);
// Ends at `length`.
[[nodiscard]] RequestFeed until(RequestFeed feed, Duration length);
// Everything later by `by`, or earlier where that is negative; what would come before the start is left out.
[[nodiscard]] RequestFeed later(RequestFeed feed, Duration by);
// The first one up to `length`, then the second one from there.
[[nodiscard]] RequestFeed followed_by(RequestFeed first, Duration length, RequestFeed second);

}  // namespace tidegate
