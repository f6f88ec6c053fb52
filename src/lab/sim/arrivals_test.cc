#include "lab/sim/arrivals.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

std::vector<double> first(ArrivalStream stream, std::size_t count) {
  std::vector<double> times;
  while (times.size() < count) {
    const auto next = stream();
    if (!next) break;
    times.push_back(seconds(*next));
  }
  return times;
}

TEST(RateCurve, clockwork_at_a_constant_rate) {
  EXPECT_EQ(first(renewal_arrivals(RateCurve{}.knot(0s, 2), 0, Prng{1}), 4), (std::vector{0.5, 1.0, 1.5, 2.0}));
}

TEST(RateCurve, a_ramp_is_integrated_exactly) {
  // 0 to 2/s over 10 s: the integral is t^2/10, so request 10 comes at 10 s and request 12 at 11 s.
  const auto curve = RateCurve{}.knot(0s, 0).knot(10s, 2);
  EXPECT_NEAR(seconds(*curve.after(0s, 10)), 10, 1e-9);
  EXPECT_NEAR(seconds(*curve.after(0s, 2.5)), 5, 1e-9);
  EXPECT_NEAR(seconds(*curve.after(0s, 12)), 11, 1e-9);
  EXPECT_NEAR(seconds(*curve.after(5s, 7.5)), 10, 1e-9);
}

TEST(RateCurve, a_step_and_an_end) {
  const auto curve = RateCurve{}.knot(0s, 1).knot(10s, 1).knot(10s, 4).knot(20s, 4).knot(20s, 0);
  EXPECT_EQ(curve.rate(9s), 1);
  EXPECT_EQ(curve.rate(10s), 4);
  EXPECT_NEAR(seconds(*curve.after(0s, 14)), 11, 1e-9);
  EXPECT_EQ(curve.after(0s, 50.5), std::nullopt);
  EXPECT_EQ(curve.after(30s, 1), std::nullopt);
}

TEST(Arrivals, burstiness_is_the_variance_of_the_gaps) {
  for (const double burstiness : {0.25, 1.0, 4.0}) {
    const auto times = first(renewal_arrivals(RateCurve{}.knot(0s, 10), burstiness, Prng{7}), 40'000);
    double sum = 0, squares = 0, last = 0;
    for (const double t : times) sum += t - last, squares += (t - last) * (t - last), last = t;
    const double mean = sum / static_cast<double>(times.size());
    EXPECT_NEAR(mean, 0.1, 0.005);
    EXPECT_NEAR((squares / static_cast<double>(times.size()) - mean * mean) / (mean * mean), burstiness,
                burstiness * 0.1);
  }
}

TEST(Arrivals, merging_keeps_the_order_and_every_request) {
  std::vector<ArrivalStream> streams;
  streams.push_back(renewal_arrivals(RateCurve{}.knot(0s, 1).knot(4500ms, 1).knot(4500ms, 0), 0, Prng{1}));
  streams.push_back(renewal_arrivals(RateCurve{}.knot(0s, 2).knot(2200ms, 2).knot(2200ms, 0), 0, Prng{1}));
  EXPECT_EQ(first(merged_arrivals(std::move(streams)), 20), (std::vector{0.5, 1.0, 1.0, 1.5, 2.0, 2.0, 3.0, 4.0}));
}

}  // namespace
}  // namespace tidegate
