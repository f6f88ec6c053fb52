// The live clock: monotonic, anchored once to the wall clock when it is made. Setting the machine's clock
// later moves nothing; `not_before` (the newest instant of the journal) keeps time from running backwards over
// a restart after the wall clock was set back.
#pragma once

#include "edge/ports/clock.h"

namespace tidegate {

class SystemClock final : public Clock {
 public:
  explicit SystemClock(Instant not_before = Instant{});
  [[nodiscard]] Instant now() const override;

 private:
  Duration offset_{};  // wall minus monotonic, at the anchor
};

}  // namespace tidegate
