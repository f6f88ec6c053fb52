#include "core/forecast/evident_rates.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

TEST(EvidentRates, worked_example) {
  const EvidentRates rates = evident_rates(40, 4, 1);
  EXPECT_NEAR(rates.least, 6.25, 1e-9);
  EXPECT_NEAR(rates.most, 16, 1e-9);
}

TEST(EvidentRates, silence_rules_out_only_what_would_have_shown) {
  EXPECT_EQ(evident_rates(0, 3, 1).least, 0);
  EXPECT_NEAR(evident_rates(0, 3, 1).most, 3, 1e-9);
}

TEST(EvidentRates, bursts_prove_less_and_nothing_is_more_regular_than_poisson) {
  EXPECT_LT(evident_rates(100, 10, 5).least, evident_rates(100, 10, 1).least);
  EXPECT_GT(evident_rates(100, 10, 5).most, evident_rates(100, 10, 1).most);
  EXPECT_EQ(evident_rates(100, 10, 0.2).least, evident_rates(100, 10, 1).least);
}

}  // namespace
}  // namespace tidegate
