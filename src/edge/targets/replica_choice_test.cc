#include "edge/targets/replica_choice.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

TEST(ReplicaChoice, VictimsGoInOrderOfWhatIsLost) {
  const std::vector<Candidate> all = {
      {.id = "busy", .state = ReplicaState::ready, .in_flight = 9, .serial = 9},
      {.id = "unknown", .state = ReplicaState::ready, .serial = 8},
      {.id = "idle-old", .state = ReplicaState::ready, .in_flight = 0, .serial = 1},
      {.id = "idle-new", .state = ReplicaState::ready, .in_flight = 0, .serial = 7},
      {.id = "loading-old", .state = ReplicaState::loading, .serial = 2},
      {.id = "starting-new", .state = ReplicaState::starting, .serial = 6},
      {.id = "failed", .state = ReplicaState::failed, .serial = 3},
  };
  EXPECT_EQ(choose_victims(all, 7), (std::vector<std::string>{"failed", "starting-new", "loading-old", "idle-new",
                                                              "idle-old", "busy", "unknown"}));
  EXPECT_EQ(choose_victims(all, 1), std::vector<std::string>{"failed"});
  EXPECT_TRUE(choose_victims({}, 3).empty());
}

TEST(ReplicaChoice, BackOffDoublesUpToFiveMinutes) {
  EXPECT_EQ(back_off(1), 1s);
  EXPECT_EQ(back_off(2), 2s);
  EXPECT_EQ(back_off(9), 256s);
  EXPECT_EQ(back_off(10), 5min);
  EXPECT_EQ(back_off(1'000'000), 5min);
}

TEST(ReplicaChoice, RevisionFollowsWhatRunsAndNothingElse) {
  const ProcessTargetSpec base{.command = {"serve", "m"}, .environment = {{"KEY", EnvRef{"A"}}}};
  auto same = base;
  same.ready.deadline = 1min;
  same.drain_deadline = 1s;
  EXPECT_EQ(revision_of(base), revision_of(same));
  for (const auto& change : std::vector<ProcessTargetSpec>{
           {.command = {"serve m"}, .environment = base.environment},
           {.command = base.command, .environment = {{"KEY", EnvRef{"B"}}}},
           {.command = base.command, .environment = {{"KEY", FileRef{"A"}}}},
           {.command = base.command, .environment = base.environment, .working_directory = "/tmp"},
           {.command = base.command, .environment = base.environment, .weights = "w"}})
    EXPECT_NE(revision_of(base), revision_of(change));
}

}  // namespace
}  // namespace tidegate
