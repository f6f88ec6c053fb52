#include "lab/sim/traffic_bins.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lab/sim/traffic_copies.h"

namespace tidegate {
namespace {

std::vector<double> arrivals_of(std::vector<double> counts, BinOptions options, std::uint64_t seed = 1) {
  auto source = [counts = std::move(counts), width = options.width,
                 at = std::size_t{0}]() mutable -> Result<std::optional<TrafficBin>> {
    if (at == counts.size()) return std::nullopt;
    const TrafficBin bin{static_cast<std::int64_t>(at) * width, counts[at]};
    ++at;
    return bin;
  };
  BinArrivals arrivals(source, options, Prng{seed});
  std::vector<double> all;
  while (const auto at = arrivals.next().value()) all.push_back(seconds(*at));
  return all;
}

TEST(BinArrivals, ClockworkInAFlatRateIsEvenlySpaced) {
  const auto all = arrivals_of({2, 2}, {.width = 1s, .burstiness = 0});
  ASSERT_EQ(all.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(all[i], 0.25 + 0.5 * static_cast<double>(i), 1e-9);
}

TEST(BinArrivals, ARampStaysStraight) {
  // r = 1000, 2000, 3000: the middle bin runs from 1500 to 2500 in one line, so its first half has 875 of 2000.
  const auto all = arrivals_of({1000, 2000, 3000}, {.width = 1s, .burstiness = 0});
  const auto first_half = std::ranges::count_if(all, [](double at) { return at >= 1 && at < 1.5; });
  EXPECT_NEAR(static_cast<double>(first_half), 875, 1);
}

TEST(BinArrivals, NothingComesWhereNothingCame) {
  // A lone busy bin is a triangle from and to zero: its outer thirds have 2/9 each.
  // (1/3)^2 * 2.
  const auto all = arrivals_of({0, 9000, 0}, {.width = 1s, .burstiness = 0});
  ASSERT_EQ(all.size(), 9000u);
  EXPECT_GE(all.front(), 1);
  EXPECT_LT(all.back(), 2);
  const auto middle = std::ranges::count_if(all, [](double at) { return at >= 1 + 1.0 / 3 && at < 1 + 2.0 / 3; });
  EXPECT_NEAR(static_cast<double>(middle), 9000 * (1 - 2 * 2.0 / 9), 2);
}

// Variance over mean of the counts in small windows of a long bin.
double dispersion(double burstiness) {
  const auto all = arrivals_of({200'000}, {.width = 20'000s, .burstiness = burstiness}, 11);
  std::vector<double> counts(200);
  for (const double at : all) counts[static_cast<std::size_t>(at / 100)] += 1;
  double mean = 0, square = 0;
  for (const double count : counts) mean += count / 200;
  for (const double count : counts) square += (count - mean) * (count - mean) / 199;
  return square / mean;
}

TEST(BinArrivals, BurstinessIsTheVarianceRatioOfCounts) {
  EXPECT_NEAR(dispersion(0), 0, 0.01);
  EXPECT_NEAR(dispersion(1), 1, 0.3);
  EXPECT_NEAR(dispersion(4), 4, 1.2);
}

TEST(BinArrivals, ScaledCountsAreBinomial) {
  Prng random{9};
  double mean = 0, square = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto count = static_cast<double>(scaled_count(50, 2.3, random));
    mean += count / 4000;
    square += (count - 115) * (count - 115) / 4000;
  }
  EXPECT_NEAR(mean, 115, 0.3);
  EXPECT_NEAR(square, 50 * 0.3 * 0.7, 0.8);
  EXPECT_EQ(scaled_count(1'000'000'000, 3, random), 3'000'000'000u);
  EXPECT_EQ(scaled_count(0, 0.5, random), 0u);
  EXPECT_NEAR(static_cast<double>(scaled_count(1'000'000'000, 1e-6, random)), 1000, 200);
}

}  // namespace
}  // namespace tidegate
