// Where live code gets `now` from. The core never sees it.
#pragma once

#include "core/base/time.h"

namespace tidegate {

class Clock {
 public:
  virtual ~Clock() = default;
  // Never runs backwards: monotonic, anchored once to the wall clock.
  [[nodiscard]] virtual Instant now() const = 0;
};

}  // namespace tidegate
