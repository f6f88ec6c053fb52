// How long a replica of a pool takes from request to ready: measured, with the spec's `startup` as the prior.
// The prior weighs as three measurements and fades; old measurements fade with a half-life of 50 starts.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

struct ColdStartState {
  std::vector<std::int64_t> recent_ns;  // newest last, at most 64
  std::uint32_t seen = 0;

  friend bool operator==(const ColdStartState&, const ColdStartState&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(recent_ns, seen);
  }
};

void observe(ColdStartState& state, Duration took);

// The q-quantile (0 < q < 1). Without measurement or prior: 60 s, the middle of what is published
// (facts/cold-start: 20 s to several minutes).
[[nodiscard]] Duration cold_start_quantile(const ColdStartState& state, std::optional<Duration> prior, double q);

}  // namespace tidegate
