// The size a peer last asked for. Its platform keeps that many whatever crashes or is slow to start, so a peer counts
// from its own wish and not from what is there. An operator's override takes its place. Units: replicas.
#pragma once

#include <cstdint>

#include "core/policy/policy.h"

namespace tidegate {

struct OwnSize {
  bool known = false;
  std::int32_t replicas = 0;
  friend bool operator==(const OwnSize&, const OwnSize&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(known, replicas);
  }
};

// What is there at the first tick and while an operator holds the wheel.
void adopt_present(OwnSize& own, const PolicyInput& input);

// Within the service's minimum and maximum: every peer has such bounds of its own.
[[nodiscard]] std::int32_t bounded(std::int32_t size, const Guardrails& limits);

// Weighted replicas to whole ones.
[[nodiscard]] std::int32_t whole_replicas(double weighted);

}  // namespace tidegate
