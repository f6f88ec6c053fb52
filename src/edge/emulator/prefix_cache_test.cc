#include "edge/emulator/prefix_cache.h"

#include <gtest/gtest.h>

#include <vector>

namespace tidegate {
namespace {

using Blocks = std::vector<std::uint64_t>;

TEST(prefix_cache, knows_what_it_has_met_from_the_beginning_on) {
  PrefixCache cache(100);
  EXPECT_EQ(cache.meet(Blocks{1, 2, 3}), 0U);
  EXPECT_EQ(cache.meet(Blocks{1, 2, 3, 4}), 3U);
  EXPECT_EQ(cache.meet(Blocks{1, 2, 9}), 2U);
  EXPECT_EQ(cache.meet(Blocks{7, 2, 3}), 0U);
  EXPECT_EQ(cache.meet(Blocks{}), 0U);
}

TEST(prefix_cache, forgets_the_least_recently_used_and_ends_before_beginnings) {
  PrefixCache cache(4);
  (void)cache.meet(Blocks{1, 2, 3});
  (void)cache.meet(Blocks{10, 11});
  EXPECT_EQ(cache.size(), 4U);
  EXPECT_EQ(cache.meet(Blocks{10, 11}), 2U);
  EXPECT_EQ(cache.meet(Blocks{1, 2, 3}), 2U);  // 3 had gone
}

TEST(prefix_cache, a_prompt_larger_than_the_cache_keeps_its_beginning) {
  PrefixCache cache(2);
  (void)cache.meet(Blocks{1, 2, 3, 4});
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_EQ(cache.meet(Blocks{1, 2, 3, 4}), 2U);
}

}  // namespace
}  // namespace tidegate
