#include "lab/bounds/rate_oracle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/base/prng.h"

namespace tidegate {
namespace {

// Two days of Poisson arrivals on a daily curve, 8 slots, 4 s of service.
NeedSeries daily(std::uint64_t seed) {
  Prng random{seed};
  NeedRecorder recorder({.step = 2s, .length = 48h, .slots = 8});
  for (double at = 0; at < 48 * 3600;) {
    const double rate = 6 + 5 * std::sin(at / 86400 * 2 * std::numbers::pi);
    at += random.exponential(1 / rate);
    recorder.add(from_seconds(at), from_seconds(4));
  }
  return recorder.series();
}

TEST(RateOracle, SmoothsOverWhatThereIs) {
  const NeedSeries needs{.step = 2s, .load = {0, 3, 6, 3, 0}};
  EXPECT_EQ(smoothed(needs, 4s).load, (std::vector<float>{1.5F, 3, 4, 3, 1.5F}));
  EXPECT_EQ(smoothed(needs, 0s).load, needs.load);
}

TEST(RateOracle, PoissonArrivalsHaveAVariabilityOfAboutOne) {
  const auto needs = daily(5);
  // The load is a mean over steps of half a residence, which takes a sixth of the variance off.
  EXPECT_NEAR(load_variability(needs, smoothed(needs, 5min), {}, 8), 0.83, 0.08);
}

TEST(RateOracle, MeetsWhatIsAllowedAndStandsBetweenTheWorkAndAStaticSize) {
  const auto needs = daily(6);
  const BoundTerms terms{.boot = 60s, .scored_from = 43'200};
  const auto oracle = rate_oracle(needs, terms, {.slots = 8}, 0.01, {});
  EXPECT_LE(oracle.late, 0.01);
  EXPECT_GT(oracle.late, 0.005);
  double work = 0;
  for (std::size_t i = terms.scored_from; i < needs.load.size(); ++i) work += needs.load[i];
  EXPECT_GT(oracle.hours, work * needs.step_hours());
  EXPECT_LT(oracle.hours, 24 * std::ceil(needs.load_max()));
  const auto strict = rate_oracle(needs, terms, {.slots = 8}, 0.001, {});
  EXPECT_GT(strict.hours, oracle.hours);
  EXPECT_GT(strict.z, oracle.z);
}

TEST(RateOracle, NothingToServeNeedsNothing) {
  const NeedSeries idle{.step = 2s, .load = std::vector<float>(1000, 0)};
  const auto oracle = rate_oracle(idle, {}, {.slots = 8}, 0.01, {});
  EXPECT_EQ(oracle.hours, 0);
  EXPECT_EQ(oracle.late, 0);
}

}  // namespace
}  // namespace tidegate
