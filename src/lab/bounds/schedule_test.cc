#include "lab/bounds/schedule.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

TEST(Schedule, BillsReadyReplicasAndTheBootOfEveryRise) {
  const NeedSeries needs{.step = 1h, .load = {1, 1, 1, 1}};
  const BoundTerms terms{.boot = 2h, .replicas_initial = 1};
  // 1 + 3 + 0 + 1 ready, rises of 2 and 1.
  EXPECT_DOUBLE_EQ(replica_hours({1, 3, 0, 1}, needs, terms), 5 + 3 * 2);
  BoundTerms scored = terms;
  scored.scored_from = 2;
  EXPECT_DOUBLE_EQ(replica_hours({1, 3, 0, 1}, needs, scored), 1 + 1 * 2);
}

TEST(Schedule, UnservedWorkIsLost) {
  const NeedSeries needs{.step = 1s, .load = {2, 4, 1, 1}};
  EXPECT_DOUBLE_EQ(unserved_share({2, 2, 1, 1}, needs, {}), 2.0 / 8);
  EXPECT_DOUBLE_EQ(unserved_share({9, 9, 9, 9}, needs, {}), 0);
}

TEST(Schedule, AQueueMakesLateWhatComesBehindABacklog) {
  // A backlog of 3 replica-steps, drained by one a step: with waits of 1 step allowed on 2 replicas, 2 is late.
  const NeedSeries needs{.step = 1s, .load = {5, 1, 1, 1, 1}};
  const ReplicaSchedule two{2, 2, 2, 2, 2};
  // Of the first step's 5, the part while the backlog goes from 2 to 3; of the next, from 3 to 2, all.
  EXPECT_NEAR(late_share(two, needs, {}, {.wait = 1s}), (5.0 / 3 + 1) / 9, 1e-12);
  EXPECT_EQ(late_share(two, needs, {}, {.wait = 2s}), 0);
  // Without a replica everything waits.
  EXPECT_EQ(late_share({0, 0, 0, 0, 0}, needs, {}, {.wait = 1s}), 1);
  EXPECT_EQ(late_share({5, 1, 1, 1, 1}, needs, {}, {.wait = 1s}), 0);
}

TEST(Schedule, WhatWaitsTooLongIsGivenUp) {
  // Forty steps of overload leave a backlog of 40; without giving up the next 40 steps would be late too.
  NeedSeries needs{.step = 1s, .load = std::vector<float>(80, 0.5F)};
  for (std::size_t i = 0; i < 40; ++i) needs.load[i] = 2;
  const ReplicaSchedule one(80, 1);
  const double patient = late_share(one, needs, {}, {.wait = 2s, .hold = 1h});
  const double given_up = late_share(one, needs, {}, {.wait = 2s, .hold = 10s});
  EXPECT_GT(patient, 0.95);
  EXPECT_NEAR(given_up, (2 * 38 + 0.5 * 16) / 100, 1e-9);
}

TEST(Schedule, OrdersComeALeadAheadAndKeepWhatIsSoonNeededAgain) {
  const NeedSeries needs{.step = 2s, .load = std::vector<float>(8, 0)};
  EXPECT_EQ(orders_for({1, 1, 1, 1, 3, 1, 1, 1}, needs, 4s), (ReplicaSchedule{1, 1, 3, 3, 3, 1, 1, 1}));
  EXPECT_EQ(orders_for({2, 1, 2, 1, 1, 1, 1, 2}, needs, 4s), (ReplicaSchedule{2, 2, 2, 1, 1, 2, 2, 2}));
  EXPECT_EQ(orders_for({2, 1, 0, 1, 0, 0, 0, 0}, needs, 0s), (ReplicaSchedule{2, 1, 0, 1, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace tidegate
