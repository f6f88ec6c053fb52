// Ray Serve's replica autoscaling (ray-project/ray, python/ray/serve, 01624ad4; the 2.5x line, wall-clock delays).
//
//   ongoing = mean over the look-back window of the requests queued at handles and running in replicas
//   size    = bounds(delay(factors(ongoing / target_ongoing_requests)))        (ray_serve_rules.h)
//
// Worked: 40 ongoing, target 2, 4 replicas: 20 wanted; after 30 s of wanting more: 20.
//
// What it sees: samples are pushed every `metrics_interval` (10 s) with the last `look_back_period` (30 s); between two
// pushes the controller goes on with the last value. At zero replicas a first request is pushed at once. Reports older
// than max(2 pushes, 10 s) are dropped, and then nothing is ongoing: that is its own rule for lost data.
// The band: what it asks for; while a delay of lowering runs, from what it wants to what it keeps.
#pragma once

#include <cstdint>

#include "core/policy/peers/own_size.h"
#include "core/policy/peers/ray_serve_metrics.h"
#include "core/policy/peers/ray_serve_rules.h"
#include "core/policy/policy.h"

namespace tidegate {

struct RayServeMemory {
  OwnSize own;
  std::int32_t wanted = 0;  // before the delay
  RayDelay delay;
  Instant looped{};
  LoadSeries samples;          // oldest first, bounded
  std::uint32_t reported = 0;  // samples the controller has
  Instant pushed{};

  friend bool operator==(const RayServeMemory&, const RayServeMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(own, wanted, delay, looped, samples, reported, pushed);
  }
};

[[nodiscard]] Proposal propose(const RayServePolicy& policy, RayServeMemory& memory, const PolicyInput& input);

}  // namespace tidegate
