#include "lab/sim/quantile_sketch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/prng.h"
#include "lab/sim/scorecard.h"

namespace tidegate {
namespace {

TEST(QuantileSketch, a_bucket_holds_its_own_middle) {
  for (std::uint32_t bucket = 0; bucket < QuantileSketch::buckets; ++bucket)
    EXPECT_EQ(QuantileSketch::bucket_of(QuantileSketch::value_of(bucket)), bucket);
  EXPECT_EQ(QuantileSketch::bucket_of(-1s), 0u);
  EXPECT_EQ(QuantileSketch::bucket_of(1h + 14min), QuantileSketch::buckets - 1);
  EXPECT_EQ(QuantileSketch::bucket_of(Duration::max()), QuantileSketch::buckets - 1);
}

TEST(QuantileSketch, buckets_follow_the_order_of_values) {
  std::uint32_t last = 0;
  for (std::int64_t n = 1; n < (std::int64_t{1} << 42); n += n / 200 + 1) {
    const auto bucket = QuantileSketch::bucket_of(Duration{n});
    EXPECT_GE(bucket, last);
    EXPECT_LE(bucket, last + 1);
    last = bucket;
  }
}

TEST(QuantileSketch, is_within_a_hundredth_of_the_exact_quantile) {
  QuantileSketch sketch;
  EXPECT_EQ(sketch.quantile(0.5), Duration::zero());
  Prng random{7};
  std::vector<double> values;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(random.lognormal(0.2, 2));
    sketch.add(from_seconds(values.back()));
  }
  for (const double q : {0.001, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    const double exact = quantile(values, q);
    EXPECT_NEAR(seconds(sketch.quantile(q)), exact, exact * 0.01) << q;
  }
}

}  // namespace
}  // namespace tidegate
