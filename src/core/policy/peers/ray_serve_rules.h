// The arithmetic of Ray Serve's replica_queue_length policy and of the wrappers around every policy
// (ray-project/ray, python/ray/serve/autoscaling_policy.py, 01624ad4). Pure leaves.
//
//   cold start  nothing runs and something waits: max(ceil(upscaling_factor), target), at once
//   core        raw = running == 0 ? target : running * (ongoing / (target_ongoing_requests * running))
//   factors     target + factor * (raw - target), rounded up; a fall always goes on by at least one
//   delay       a rise, or a fall, is made once it was wanted in every call for `upscale_delay`, `downscale_delay`;
//               to zero only from one replica, after `downscale_to_zero_delay`; from zero at once
//   bounds      min and max, one layer above
//
// Worked: target 4, raw 0, downscaling_factor 0.5: ceil(4 - 2) = 2; after the delay 4 -> 2.
// The number made is the one wanted at the moment the delay ends, not the highest or the mean of the delay.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/time.h"
#include "core/model/policy_spec.h"

namespace tidegate {

struct RayLoad {
  std::int32_t running = 0;  // ready replicas
  std::int32_t target = 0;   // what the deployment was last told
  double ongoing = 0;        // requests queued at handles and running in replicas
};

// How long the same direction has been wanted: calls of a rise count up, of a fall down.
struct RayDelay {
  std::int64_t counter = 0;
  std::optional<Instant> since;
  friend bool operator==(const RayDelay&, const RayDelay&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(counter, since);
  }
};

[[nodiscard]] std::optional<std::int32_t> ray_cold_start(const RayServePolicy& policy, const RayLoad& load);
[[nodiscard]] double ray_core(const RayServePolicy& policy, const RayLoad& load);
[[nodiscard]] std::int32_t ray_factored(const RayServePolicy& policy, double raw, std::int32_t target);
// The size to make now: `wanted` once its delay is over, else `target`.
[[nodiscard]] std::int32_t ray_delayed(const RayServePolicy& policy, RayDelay& delay, Instant now, std::int32_t wanted,
                                       std::int32_t target);

}  // namespace tidegate
