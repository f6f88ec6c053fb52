// When something is tried again: the schedule of a back-off, and which refusals of an API server are worth another try.
// Pure: nobody sleeps here, and the generator is handed in.
//
//   delay(n) = min(first * 2^(n-1), longest) * (1 - jitter * u), u of [0, 1), after the n-th failure in a row.
// With first 1 s, longest 30 s, jitter 0.5: 0.5..1, 1..2, 2..4, 4..8, 8..16, 15..30, 15..30 s.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/prng.h"
#include "core/base/time.h"
#include "edge/kubernetes/api_error.h"

namespace tidegate {

struct BackoffTimes {
  Duration first = 1s;
  Duration longest = 30s;
  double jitter = 0.5;  // share of the delay that chance may take off
};

class Backoff {
 public:
  Backoff(BackoffTimes times, std::uint64_t seed) : times_(times), prng_(seed) {}

  // After one more failure.
  [[nodiscard]] Duration next();
  void reset() { failures_ = 0; }
  [[nodiscard]] std::int32_t failures() const { return failures_; }

 private:
  BackoffTimes times_;
  Prng prng_;
  std::int32_t failures_ = 0;
};

// Whether doing it twice does no harm: reading, applying, deleting one and the same object.
enum class Repeat : std::uint8_t { harmless, never };

struct RetryLimits {
  std::int32_t attempts_max = 4;
  BackoffTimes backoff{.first = 250ms, .longest = 5s, .jitter = 0.5};
  Duration wait_max = 30s;  // a server that wants us to wait longer gets no other try from this call
};

// How long to wait before another try; nothing: this refusal is final. `attempts` were made so far.
//   too_many_requests   always: the server did not begin; not sooner than it asks for
//   unreachable, unavailable, garbled   only where repeating is harmless, or the server says when to come back
//   anything else       never
[[nodiscard]] std::optional<Duration> retry_delay(const ApiError& error, Repeat repeat, std::int32_t attempts,
                                                  const RetryLimits& limits, Backoff& backoff);

}  // namespace tidegate
