#include "core/decide/cheapest_cover.h"

#include <gtest/gtest.h>

#include "core/base/prng.h"

namespace tidegate {
namespace {

using Sizes = std::vector<std::int32_t>;

TEST(CheapestCover, mixes_large_and_small) {
  const std::vector<Offer> offers{{4, 7, 10}, {1, 2, 10}};
  EXPECT_EQ(cheapest_cover(offers, 3.5, 100).counts, (Sizes{1, 0}));
  EXPECT_EQ(cheapest_cover(offers, 0.9, 100).counts, (Sizes{0, 1}));
  EXPECT_EQ(cheapest_cover(offers, 5, 100).counts, (Sizes{1, 1}));
  EXPECT_EQ(cheapest_cover(offers, 0, 100).counts, (Sizes{0, 0}));
}

TEST(CheapestCover, keeps_the_least_number_of_replicas) {
  const std::vector<Offer> offers{{4, 3, 10}, {1, 1, 10}};
  EXPECT_EQ(cheapest_cover(offers, 4, 100).counts, (Sizes{1, 0}));
  EXPECT_EQ(cheapest_cover(offers, 4, 100, 2).counts, (Sizes{1, 1}));
  EXPECT_EQ(cheapest_cover(offers, 0, 100, 2).counts, (Sizes{0, 2}));
}

TEST(CheapestCover, takes_all_there_is_when_that_is_not_enough) {
  const auto cover = cheapest_cover({{2, 3, 2}, {1, 2, 5}}, 20, 4);
  EXPECT_FALSE(cover.is_enough);
  EXPECT_EQ(cover.counts, (Sizes{2, 2}));
  EXPECT_EQ(cover.cost, 10);
}

TEST(CheapestCover, no_other_set_of_two_offers_is_cheaper) {
  Prng random{7};
  for (int round = 0; round < 300; ++round) {
    std::vector<Offer> offers(2);
    for (Offer& offer : offers)
      offer = {0.5 + random.uniform() * 4, 0.5 + random.uniform() * 4, static_cast<std::int32_t>(random.below(8))};
    if (offers[0].ratio() > offers[1].ratio()) std::swap(offers[0], offers[1]);
    const double need = random.uniform() * 20;
    const auto most = static_cast<std::int32_t>(random.below(12));
    double best = 1e9;
    for (std::int32_t a = 0; a <= offers[0].room; ++a)
      for (std::int32_t b = 0; b <= offers[1].room && a + b <= most; ++b)
        if (a * offers[0].weight + b * offers[1].weight >= need)
          best = std::min(best, a * offers[0].cost + b * offers[1].cost);
    const auto cover = cheapest_cover(offers, need, most);
    EXPECT_EQ(cover.is_enough, best < 1e9);
    if (cover.is_enough) {
      EXPECT_NEAR(cover.cost, best, 1e-9);
    }
  }
}

}  // namespace
}  // namespace tidegate
