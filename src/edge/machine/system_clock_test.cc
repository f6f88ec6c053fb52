#include "edge/machine/system_clock.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

TEST(SystemClock, StartsAtTheWallClock) {
  const Instant before = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  const SystemClock clock;
  EXPECT_GE(clock.now(), before);
  EXPECT_LT(clock.now() - before, 1min);
}

TEST(SystemClock, NeverStartsBeforeTheJournal) {
  const Instant newest = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()) + 1h;
  const SystemClock clock(newest);
  const Instant first = clock.now();
  EXPECT_GE(first, newest);
  EXPECT_GE(clock.now(), first);
}

}  // namespace
}  // namespace tidegate
