#include "edge/kubernetes/retry.h"

#include <algorithm>

namespace tidegate {

Duration Backoff::next() {
  const std::int32_t doublings = std::min(failures_, 20);
  failures_ = std::min(failures_ + 1, 1'000'000);
  const Duration whole = std::min(times_.first * (std::int64_t{1} << doublings), times_.longest);
  return from_seconds(seconds(whole) * (1 - times_.jitter * prng_.uniform()));
}

std::optional<Duration> retry_delay(const ApiError& error, Repeat repeat, std::int32_t attempts,
                                    const RetryLimits& limits, Backoff& backoff) {
  if (attempts >= limits.attempts_max) return std::nullopt;
  const bool is_trouble = error.reason == ApiReason::unreachable || error.reason == ApiReason::unavailable ||
                          error.reason == ApiReason::garbled;
  const bool may =
      error.reason == ApiReason::too_many_requests || (is_trouble && (repeat == Repeat::harmless || error.retry_after));
  if (!may || error.retry_after.value_or(Duration{}) > limits.wait_max) return std::nullopt;
  return std::max(backoff.next(), error.retry_after.value_or(Duration{}));
}

}  // namespace tidegate
