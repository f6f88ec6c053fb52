#include "edge/targets/second_owner.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

constexpr Instant start{1'000'000s};

SecondOwnerGuard guard_for(SecondOwner mode) {
  SecondOwnerGuard guard;
  guard.configure(mode);
  return guard;
}

TEST(SecondOwner, NobodyIsNobody) {
  const auto guard = guard_for(SecondOwner::yield);
  EXPECT_TRUE(guard.may_write(start));
  EXPECT_EQ(guard.message(start), "");
  EXPECT_EQ(guard.changes_at(start), Instant::max());
}

// The worked example of the header.
TEST(SecondOwner, YieldWaitsForAQuietTimeThatGrowsWithEveryAnswer) {
  auto guard = guard_for(SecondOwner::yield);
  EXPECT_TRUE(guard.disturbed("kubectl set 3", start));
  EXPECT_FALSE(guard.may_write(start + 4min));
  EXPECT_EQ(guard.changes_at(start), start + 5min);
  EXPECT_TRUE(guard.may_write(start + 5min));
  guard.wrote(start + 5min);
  EXPECT_TRUE(guard.disturbed("kubectl set 3", start + 6min));
  EXPECT_FALSE(guard.may_write(start + 15min));
  EXPECT_TRUE(guard.may_write(start + 16min));
  guard.wrote(start + 16min);
  EXPECT_TRUE(guard.is_disturbed(start + 35min));
  EXPECT_FALSE(guard.is_disturbed(start + 36min));
  guard.disturbed("kubectl set 3", start + 40min);
  EXPECT_TRUE(guard.may_write(start + 45min));
}

TEST(SecondOwner, WhoeverKeepsWritingIsLeftAloneAndIsOneAnswer) {
  auto guard = guard_for(SecondOwner::yield);
  int answers = 0;
  for (int i = 0; i < 100; ++i) answers += guard.disturbed("an autoscaler", start + i * 1min);
  EXPECT_EQ(answers, 1);
  EXPECT_FALSE(guard.may_write(start + 103min));
  EXPECT_TRUE(guard.may_write(start + 104min));
}

TEST(SecondOwner, ReassertAnswersAtOnceAndThenEverMoreRarely) {
  auto guard = guard_for(SecondOwner::reassert);
  std::vector<Duration> writes;
  // Somebody who undoes every write of ours at once.
  for (Duration at{}; at < 2h; at += 1s) {
    if (at == Duration{}) guard.disturbed("gitops", start);
    if (!guard.may_write(start + at)) continue;
    writes.push_back(at);
    guard.wrote(start + at);
    guard.disturbed("gitops", start + at + 1ms);
  }
  ASSERT_GE(writes.size(), 6U);
  EXPECT_LE(writes.size(), 12U);
  EXPECT_EQ(writes[0], Duration{});
  for (std::size_t i = 1; i < writes.size(); ++i) EXPECT_GE(writes[i] - writes[i - 1], 1min);
  EXPECT_EQ(writes[3] - writes[2], 8min);
}

TEST(SecondOwner, PauseEndsWhenResumedOrAskedForOtherwise) {
  auto guard = guard_for(SecondOwner::pause);
  guard.disturbed("kubectl set 3", start);
  EXPECT_FALSE(guard.may_write(start + 1000h));
  EXPECT_EQ(guard.changes_at(start), Instant::max());
  EXPECT_TRUE(guard.message(start).contains("paused"));
  guard.resume();
  EXPECT_TRUE(guard.may_write(start));
  guard.disturbed("kubectl set 3", start);
  guard.configure(SecondOwner::pause);
  EXPECT_FALSE(guard.may_write(start));
  guard.configure(SecondOwner::yield);
  EXPECT_TRUE(guard.may_write(start));
}

TEST(SecondOwner, TheMessageStaysUntilSomethingHappens) {
  auto guard = guard_for(SecondOwner::yield);
  guard.disturbed("kubectl set 3", start);
  const auto message = guard.message(start);
  EXPECT_EQ(message, "kubectl set 3; taken over again at 1970-01-12T13:51:40Z at the earliest");
  EXPECT_EQ(guard.message(start + 4min), message);
}

}  // namespace
}  // namespace tidegate
