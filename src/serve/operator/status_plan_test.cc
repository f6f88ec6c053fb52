#include "serve/operator/status_plan.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

const Instant start{std::chrono::hours{1}};

ObjectKey key(int i) { return {.space = "prod", .name = "m" + std::to_string(i)}; }

ModelStatus status(std::int32_t desired, double attainment = 1, std::int64_t epoch = 1) {
  ModelStatus one;
  one.facts.desired = desired;
  one.drift.attainment = attainment;
  one.drift.epoch = epoch;
  return one;
}

class StatusPlanTest : public testing::Test {
 protected:
  void know(int models) {
    for (int i = 0; i < models; ++i) plan_.stored(key(i), "1", status(1));
  }
  std::size_t due(Instant now, bool succeed = true) {
    const auto writes = plan_.due(now, 1000);
    for (const auto& write : writes)
      if (succeed) plan_.written(write.model, std::to_string(++version_), now);
    return writes.size();
  }
  StatusPlan plan_;
  int version_ = 100;
};

TEST_F(StatusPlanTest, WhatIsTheSameIsNotWritten) {
  know(3);
  for (int i = 0; i < 3; ++i) plan_.want(key(i), status(1));
  EXPECT_EQ(due(start), 0U);
  EXPECT_EQ(due(start + 1h), 0U);
}

TEST_F(StatusPlanTest, FactsAreWrittenAtOnceAndThenOncePerSecond) {
  know(1);
  plan_.want(key(0), status(2));
  EXPECT_EQ(due(start), 1U);
  plan_.want(key(0), status(3));
  EXPECT_EQ(due(start + 900ms), 0U);
  EXPECT_EQ(due(start + 1s), 1U);
  EXPECT_EQ(due(start + 2s), 0U);
}

TEST_F(StatusPlanTest, DriftWaitsItsTurn) {
  know(100);
  for (int i = 0; i < 100; ++i) plan_.want(key(i), status(1, 0.5));
  EXPECT_EQ(due(start), 5U) << "all models together";
  EXPECT_EQ(due(start + 1s), 5U);
  std::size_t sum = 10;
  for (int i = 2; i < 20; ++i) sum += due(start + i * 1s);
  EXPECT_EQ(sum, 100U) << "each gets its turn";
  plan_.want(key(0), status(1, 0.6));
  EXPECT_EQ(due(start + 30s), 0U) << "one model, once a minute";
  EXPECT_EQ(due(start + 61s), 1U);
}

TEST_F(StatusPlanTest, OneWriteAModelIsUnderWay) {
  know(1);
  plan_.want(key(0), status(2));
  EXPECT_EQ(due(start, false), 1U);
  plan_.want(key(0), status(3));
  EXPECT_EQ(due(start + 5s, false), 0U);
  plan_.failed(key(0), ApiReason::unreachable, start + 5s);
  EXPECT_EQ(due(start + 5s), 0U) << "a back-off";
  EXPECT_EQ(due(start + 7s), 1U);
}

TEST_F(StatusPlanTest, AfterAConflictItIsReadFirst) {
  know(1);
  plan_.want(key(0), status(2));
  EXPECT_EQ(due(start, false), 1U);
  plan_.failed(key(0), ApiReason::conflict, start);
  EXPECT_EQ(due(start + 1min), 0U);
  plan_.stored(key(0), "7", status(1));
  const auto writes = plan_.due(start + 1min, 10);
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].resource_version, "7");
}

TEST_F(StatusPlanTest, ALateWatchDoesNotBringBackWhatWasWritten) {
  know(1);
  plan_.want(key(0), status(2));
  EXPECT_EQ(due(start), 1U);
  plan_.stored(key(0), "9", status(1));  // older than 101
  EXPECT_EQ(due(start + 5s), 0U);
  EXPECT_TRUE(is_older_version("99", "101"));
  EXPECT_FALSE(is_older_version("101", "99"));
  EXPECT_FALSE(is_older_version("abc", "99")) << "nothing is known of those";
}

TEST_F(StatusPlanTest, AStatusOfALaterEpochIsLeftAlone) {
  plan_.stored(key(0), "1", status(1, 1, 8));
  plan_.want(key(0), status(2, 1, 7));
  EXPECT_EQ(due(start), 0U);
  plan_.want(key(0), status(2, 1, 9));
  EXPECT_EQ(due(start), 1U);
}

TEST_F(StatusPlanTest, WhoFollowsWantsNothing) {
  know(1);
  plan_.want(key(0), status(2));
  plan_.yield();
  EXPECT_EQ(due(start), 0U);
  EXPECT_EQ(plan_.latest(key(0))->facts.desired, 1) << "the next report goes on from what stands there";
  EXPECT_EQ(plan_.latest(key(1)), nullptr);
}

}  // namespace
}  // namespace tidegate
