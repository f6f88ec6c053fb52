#include "edge/targets/pod_victims.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

using Ids = std::vector<std::string>;

PodCandidate ready(const std::string& id, std::optional<std::int64_t> in_flight, const std::string& node = "",
                   Duration age = 1h) {
  return {.id = id, .state = ReplicaState::ready, .node = node, .in_flight = in_flight, .created = Instant{} - age};
}

TEST(PodVictims, TheIdlestGoesFirstAndUnknownIsNotIdle) {
  EXPECT_EQ(choose_pod_victims({ready("a", 3), ready("b", 0), ready("c", std::nullopt), ready("d", 1)}, 3, nullptr),
            (Ids{"b", "d", "a"}));
  // Of equals the newest.
  EXPECT_EQ(choose_pod_victims({ready("a", 0, "", 1h), ready("b", 0, "", 1min)}, 1, nullptr), (Ids{"b"}));
  EXPECT_EQ(choose_pod_victims({ready("a", 0)}, 5, nullptr), (Ids{"a"}));
}

TEST(PodVictims, WhatIsNotReadyGoesBefore) {
  auto starting = ready("s", {});
  starting.state = ReplicaState::starting;
  auto failed = ready("f", {});
  failed.state = ReplicaState::failed;
  EXPECT_EQ(choose_pod_victims({ready("a", 0), starting, failed}, 3, nullptr), (Ids{"f", "s", "a"}));
}

TEST(PodVictims, AStatefulSetGivesItsHighestOrdinals) {
  std::vector<PodCandidate> pods;
  for (int i = 0; i < 12; ++i) {
    pods.push_back(ready("m-" + std::to_string(i), 12 - i));
    pods.back().ordinal = i;
  }
  pods[3].state = ReplicaState::failed;
  const OthersByNode others;
  EXPECT_EQ(choose_pod_victims(pods, 3, &others), (Ids{"m-11", "m-10", "m-9"}));
}

TEST(PodVictims, OldRevisionsGoBeforeNewOnes) {
  auto old = ready("old", 9);
  old.is_old_revision = true;
  EXPECT_EQ(choose_pod_victims({ready("new", 0), old}, 1, nullptr), (Ids{"old"}));
}

// Node x holds two busy pods of ours, y one idle pod and a stranger, z one pod.
TEST(PodVictims, NodesThatArePaidWholeAreEmptied) {
  const std::vector<PodCandidate> pods{ready("x1", 2, "x"), ready("x2", 3, "x"), ready("y1", 0, "y"),
                                       ready("z1", 9, "z")};
  const OthersByNode others{{"y", 1}};
  EXPECT_EQ(choose_pod_victims(pods, 2, &others), (Ids{"x1", "x2"}));
  EXPECT_EQ(choose_pod_victims(pods, 1, &others), (Ids{"z1"}));
  EXPECT_EQ(choose_pod_victims(pods, 3, &others), (Ids{"x1", "x2", "z1"}));
  EXPECT_EQ(choose_pod_victims(pods, 1, nullptr), (Ids{"y1"}));
}

}  // namespace
}  // namespace tidegate
