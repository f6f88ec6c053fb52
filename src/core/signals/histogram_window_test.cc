#include "core/signals/histogram_window.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace tidegate {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
const Instant start = instant_at(1000);

TEST(HistogramWindow, WorkedExampleOfTheHeader) {
  HistogramWindow window;
  ASSERT_TRUE(window.add(std::vector{1.0, 2.0, inf}, std::vector{50.0, 40.0, 10.0}, 120, start));
  EXPECT_DOUBLE_EQ(*window.quantile(0.50), 1.0);
  EXPECT_DOUBLE_EQ(*window.quantile(0.70), 1.5);
  EXPECT_DOUBLE_EQ(*window.quantile(0.90), 2.0);
  EXPECT_DOUBLE_EQ(*window.quantile(0.99), 2.0);  // clamped to the highest finite bound
  EXPECT_DOUBLE_EQ(*window.mean(), 1.2);
}

TEST(HistogramWindow, NothingHappenedIsNoNumber) {
  HistogramWindow window;
  EXPECT_FALSE(window.quantile(0.5));
  EXPECT_FALSE(window.mean());
  ASSERT_TRUE(window.add(std::vector{inf}, std::vector{3.0}, 9, start));
  EXPECT_FALSE(window.quantile(0.5)) << "only +Inf: nobody knows how long it took";
}

TEST(HistogramWindow, ForgetsAfterSixtySeconds) {
  HistogramWindow window;
  ASSERT_TRUE(window.add(std::vector{1.0, inf}, std::vector{5.0, 0.0}, 1, start));
  window.forget_before(start + 60s);
  EXPECT_DOUBLE_EQ(window.count(), 5);
  ASSERT_TRUE(window.add(std::vector{1.0, inf}, std::vector{2.0, 0.0}, 1, start + 60s));
  window.forget_before(start + 66s);
  EXPECT_DOUBLE_EQ(window.count(), 2);
  window.forget_before(start + 126s);
  EXPECT_DOUBLE_EQ(window.count(), 0);
}

TEST(HistogramWindow, TwoGridsAnswerTogether) {
  HistogramWindow window;
  ASSERT_TRUE(window.add(std::vector{1.0, 2.0, inf}, std::vector{10.0, 0.0, 0.0}, 5, start));
  ASSERT_TRUE(window.add(std::vector{4.0, inf}, std::vector{10.0, 0.0}, 20, start));
  // Below 1: all ten of the first grid and a quarter of the second's ten.
  EXPECT_DOUBLE_EQ(*window.quantile(12.5 / 20), 1.0);
  EXPECT_DOUBLE_EQ(*window.quantile(17.5 / 20), 3.0);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(window.add(std::vector{10.0 + i, inf}, std::vector{1.0, 0.0}, 1, start));
  EXPECT_FALSE(window.add(std::vector{99.0, inf}, std::vector{1.0, 0.0}, 1, start)) << "bounded";
}

RC_GTEST_PROP(HistogramWindow, QuantilesAreMonotoneAndWithinTheBounds, (std::vector<unsigned char> raw, bool other)) {
  RC_PRE(!raw.empty());
  std::vector<double> bounds, counts;
  double total = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    bounds.push_back(0.1 * static_cast<double>(i + 1));
    counts.push_back(raw[i]);
    total += raw[i];
  }
  bounds.push_back(inf);
  counts.push_back(1);
  HistogramWindow window;
  RC_ASSERT(window.add(bounds, counts, total, start));
  if (other) RC_ASSERT(window.add(std::vector{0.05, 7.0, inf}, std::vector{3.0, 4.0, 5.0}, 1, start));
  double last = 0;
  for (double q = 0.01; q < 1; q += 0.01) {
    const double value = *window.quantile(q);
    RC_ASSERT(value >= last);
    RC_ASSERT(value <= std::max(other ? 7.0 : 0.0, bounds[bounds.size() - 2]));
    last = value;
  }
}

}  // namespace
}  // namespace tidegate
