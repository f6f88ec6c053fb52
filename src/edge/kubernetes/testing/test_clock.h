// A clock that stands still until a test moves it.
#pragma once

#include <atomic>

#include "edge/ports/clock.h"

namespace tidegate {

class TestClock final : public Clock {
 public:
  explicit TestClock(Instant start = Instant{1000s}) : now_(start) {}
  [[nodiscard]] Instant now() const override { return now_; }
  void advance(Duration by) { now_ = now_.load() + by; }

 private:
  std::atomic<Instant> now_;
};

}  // namespace tidegate
