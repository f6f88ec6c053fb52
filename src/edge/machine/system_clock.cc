#include "edge/machine/system_clock.h"

#include <algorithm>
#include <chrono>

namespace tidegate {

namespace {
Duration monotonic() {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}
}  // namespace

SystemClock::SystemClock(Instant not_before) {
  const auto wall = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  offset_ = std::max(Instant{wall}, not_before).time_since_epoch() - monotonic();
}

Instant SystemClock::now() const { return Instant{monotonic() + offset_}; }

}  // namespace tidegate
