#include "lab/bounds/need_series.h"

#include <gtest/gtest.h>

#include "core/base/prng.h"

namespace tidegate {
namespace {

TEST(NeedSeries, ARequestCountsInEveryStepItIsServedIn) {
  NeedRecorder recorder({.step = 2s, .length = 6s, .slots = 4});
  recorder.add(1s, 2s);
  EXPECT_EQ(recorder.series().load, (std::vector<float>{0.125F, 0.125F, 0}));
  recorder.add(0s, 6s);
  EXPECT_EQ(recorder.series().load, (std::vector<float>{0.375F, 0.375F, 0.25F}));
  EXPECT_EQ(recorder.requests(), 2U);
}

TEST(NeedSeries, CutsWhatOutlastsTheSeriesAndWhatBeginsAfterIt) {
  NeedRecorder recorder({.step = 2s, .length = 5s, .slots = 1});
  recorder.add(4s, 1h);
  recorder.add(20s, 1s);
  EXPECT_EQ(recorder.series().load, (std::vector<float>{0, 0, 1}));
}

TEST(NeedSeries, TheLoadIsTheWorkWhateverTheOrder) {
  Prng random{3};
  NeedRecorder recorder({.step = 2s, .length = 1h, .slots = 8});
  double work = 0;
  for (int i = 0; i < 5000; ++i) {
    const double stay = random.exponential(7);
    recorder.add(from_seconds(random.uniform() * 3000), from_seconds(stay));
    work += stay;
  }
  EXPECT_NEAR(recorder.series().load_sum() * 2 * 8, work, work * 1e-4);
}

TEST(NeedSeries, NoLoadIsExactlyNone) {
  NeedRecorder recorder({.step = 2s, .length = 100s, .slots = 3});
  for (int i = 0; i < 50; ++i) recorder.add(from_seconds(0.1 * i), from_seconds(1.0 / 3));
  const auto series = recorder.series();
  EXPECT_GT(series.load_max(), 0);
  for (std::size_t i = 3; i < series.load.size(); ++i) EXPECT_EQ(series.load[i], 0.0F) << i;
}

TEST(NeedSeries, ACoarserStepKeepsTheWork) {
  const NeedSeries series{.step = 2s, .load = {1, 2, 3, 4, 5}};
  const auto coarse = coarser(series, 2);
  EXPECT_EQ(coarse.step, 4s);
  EXPECT_EQ(coarse.load, (std::vector<float>{1.5F, 3.5F, 5}));
}

}  // namespace
}  // namespace tidegate
