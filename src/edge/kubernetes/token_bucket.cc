#include "edge/kubernetes/token_bucket.h"

#include <algorithm>

namespace tidegate {

std::optional<Duration> TokenBucket::take(Instant now, Duration wait_max) {
  if (now > filled_) {
    tokens_ = std::min(burst_, tokens_ + seconds(now - filled_) * per_second_);
    filled_ = now;
  }
  const Duration wait = tokens_ >= 1 ? Duration{} : from_seconds((1 - tokens_) / per_second_);
  if (wait > wait_max) return std::nullopt;
  tokens_ -= 1;
  return wait;
}

}  // namespace tidegate
