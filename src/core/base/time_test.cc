#include "core/base/time.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tidegate {
namespace {

TEST(Time, SecondsRoundTrip) {
  EXPECT_EQ(from_seconds(0.8), 800ms);
  EXPECT_EQ(from_seconds(-1.5), -1500ms);
  EXPECT_DOUBLE_EQ(seconds(Duration{90s}), 90.0);
  EXPECT_EQ(instant_at(12.0).time_since_epoch(), Duration{12s});
}

TEST(Time, ImpossibleSecondsSaturate) {
  EXPECT_EQ(from_seconds(1e300), Duration::max());
  EXPECT_EQ(from_seconds(-1e300), Duration::min());
  EXPECT_EQ(from_seconds(std::nan("")), Duration::zero());
}

TEST(Time, TextIsAsPeopleWriteIt) {
  EXPECT_EQ(to_text(Duration{0}), "0s");
  EXPECT_EQ(to_text(Duration{800ms}), "800ms");
  EXPECT_EQ(to_text(Duration{2500ms}), "2.5s");
  EXPECT_EQ(to_text(Duration{200s}), "3m20s");
  EXPECT_EQ(to_text(Duration{60s}), "1m");
  EXPECT_EQ(to_text(Duration{2h}), "2h");
  EXPECT_EQ(to_text(Duration{49h}), "2d1h");
  EXPECT_EQ(to_text(Duration{-30s}), "-30s");
}

}  // namespace
}  // namespace tidegate
