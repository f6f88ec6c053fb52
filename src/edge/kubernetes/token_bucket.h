// How fast we may ask: `burst` at once, then `per_second`. Pure; callers bring the time and do the waiting.
//
// Everybody gets a place in the queue at once, so that waiting callers keep their order: take() may overdraw the bucket
// and answers how long the caller has to wait for what it took; a caller who would not wait that long takes nothing.
// With 10 per second and a burst of 2: takes at 0 s wait 0, 0, 0.1, 0.2 s.
#pragma once

#include <optional>

#include "core/base/time.h"

namespace tidegate {

class TokenBucket {
 public:
  TokenBucket(double per_second, double burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}

  [[nodiscard]] std::optional<Duration> take(Instant now, Duration wait_max);

 private:
  double per_second_;
  double burst_;
  double tokens_;
  Instant filled_{};
};

}  // namespace tidegate
