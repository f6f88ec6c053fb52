#include "edge/targets/kubernetes_plan.h"

#include "edge/targets/testing/plan_fixture.h"

namespace tidegate {
namespace {

using KubernetesPlanTest = PlanTest;

TEST_F(KubernetesPlanTest, NothingIsWrittenWithoutAnOrderOrWithoutADifference) {
  EXPECT_TRUE(step().empty());
  order(3);
  EXPECT_TRUE(step().empty());
  EXPECT_EQ(count(look(), ReplicaState::ready), 3);
  EXPECT_EQ(plan_.wakes_at(), Instant::max());
}

TEST_F(KubernetesPlanTest, AnOrderIsWrittenOnceAtTheVersionItWasDecidedOn) {
  order(5);
  const auto write = written();
  EXPECT_EQ(write.deed, ClusterDeed::set_scale);
  EXPECT_EQ(write.replicas, 5);
  EXPECT_EQ(write.workload, id("chat"));
  EXPECT_EQ(write.resource_version, "101");
  EXPECT_TRUE(write.marks.empty());
  order(5);
  EXPECT_TRUE(step().empty());
  // The watch tells of it later.
  tell("chat");
  EXPECT_TRUE(step().empty());
  const auto view = look();
  EXPECT_EQ(count(view, ReplicaState::ready), 3);
  EXPECT_EQ(count(view, ReplicaState::requested), 2);
  EXPECT_TRUE(view.events.empty());
  EXPECT_TRUE(view.problems.empty());
}

TEST_F(KubernetesPlanTest, OneWriteIsUnderWayAtMost) {
  order(5);
  const auto writes = step();
  ASSERT_EQ(writes.size(), 1U);
  order(8);
  EXPECT_TRUE(step().empty());
  take(writes[0]);
  EXPECT_EQ(written().replicas, 8);
}

TEST_F(KubernetesPlanTest, AConflictIsDecidedAnewOnWhatIsThere) {
  order(5);
  auto writes = step();
  ASSERT_EQ(writes.size(), 1U);
  // Only the status had changed.
  refuse(writes[0], ApiReason::conflict, Scale{.replicas = 3, .resource_version = "150", .uid = "uid-chat"});
  writes = step();
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].resource_version, "150");
  // Somebody else has set what we want.
  version_ = 160;
  refuse(writes[0], ApiReason::conflict, Scale{.replicas = 5, .resource_version = "160", .uid = "uid-chat"});
  EXPECT_TRUE(step().empty());
  deploy("chat", 5, "kubectl");
  pass(1min);
  EXPECT_TRUE(step().empty());
}

TEST_F(KubernetesPlanTest, ConflictsWithoutEndAreNotFollowedWithoutEnd) {
  order(5);
  int writes = 0;
  for (int i = 0; i < 100; ++i)
    for (const auto& write : step()) {
      ++writes;
      refuse(write, ApiReason::conflict,
             Scale{.replicas = 3, .resource_version = std::to_string(200 + i), .uid = "uid-chat"});
    }
  EXPECT_LE(writes, 10);
  pass(1s);
  EXPECT_EQ(step().size(), 1U);
}

TEST_F(KubernetesPlanTest, ARefusedWriteStandsAsAProblemAndIsTriedRarely) {
  order(5);
  int writes = 0;
  for (int i = 0; i < 110; ++i, pass(1s))
    for (const auto& write : step()) ++writes, refuse(write, ApiReason::forbidden);
  EXPECT_GE(writes, 3);
  EXPECT_LE(writes, 5);
  auto view = look();
  EXPECT_TRUE(has_problem(view, Reason::target_error, "refused"));
  EXPECT_EQ(events(view, Reason::target_error), 1);
  pass(1min);
  written();
  view = look();
  EXPECT_TRUE(view.problems.empty());
}

TEST_F(KubernetesPlanTest, TheIdlestAreMarkedBeforeASmallerSize) {
  plan_.in_flight({{"chat-1-0.default", 4}, {"chat-1-1.default", 0}, {"chat-1-2.default", 2}});
  order(1);
  const auto write = written();
  EXPECT_EQ(write.replicas, 1);
  ASSERT_EQ(write.marks.size(), 2U);
  EXPECT_EQ(write.marks[0].pod.name, "chat-1-1");
  EXPECT_EQ(write.marks[1].pod.name, "chat-1-2");
  EXPECT_LT(write.marks[0].deletion_cost, 0);
  // Those that go count no more, though their controller has not begun.
  auto view = look();
  EXPECT_EQ(count(view, ReplicaState::ready), 1);
  EXPECT_EQ(count(view, ReplicaState::draining), 2);
  // A mark of a pod that was spared after all is taken away with the next marks.
  auto spared = pod_record("chat-1-1", ReplicaState::ready);
  spared.deletion_cost = write.marks[0].deletion_cost;
  pod("chat-1-1", spared);
  order(2);
  EXPECT_TRUE(written().marks.empty());
  plan_.in_flight({{"chat-1-0.default", 0}, {"chat-1-1.default", 5}});
  no_pod("chat-1-2");
  order(1);
  const auto again = written();
  ASSERT_EQ(again.marks.size(), 2U);
  EXPECT_EQ(again.marks[0].pod.name, "chat-1-0");
  EXPECT_TRUE(again.marks[0].deletion_cost);
  EXPECT_EQ(again.marks[1].pod.name, "chat-1-1");
  EXPECT_FALSE(again.marks[1].deletion_cost);
}

TEST_F(KubernetesPlanTest, ToZeroNothingNeedsAMark) {
  order(0);
  const auto write = written();
  EXPECT_EQ(write.replicas, 0);
  EXPECT_TRUE(write.marks.empty());
}

TEST_F(KubernetesPlanTest, WhereNodesArePaidWholeANodeIsEmptied) {
  services_[0].pools[0].pays_nodes = true;
  plan_.configure(services_, now_);
  auto other = pod_record("chat-1-2", ReplicaState::ready);
  other.node = "n2";
  pod("chat-1-2", other);
  auto stranger = pod_record("code-1-0", ReplicaState::ready);
  stranger.node = "n2";
  pod("code-1-0", stranger);
  plan_.in_flight({{"chat-1-0.default", 1}, {"chat-1-1.default", 1}, {"chat-1-2.default", 0}});
  order(1);
  const auto write = written();
  ASSERT_EQ(write.marks.size(), 2U);
  EXPECT_EQ(write.marks[0].pod.name, "chat-1-0");
  EXPECT_EQ(write.marks[1].pod.name, "chat-1-1");
}

TEST_F(KubernetesPlanTest, NothingLowersDuringARolloutAndSurgeIsNoCapacity) {
  auto& chat = record("chat");
  chat.status_replicas = 4;
  chat.updated_replicas = 1;
  tell("chat");
  pod("chat-2-0", ReplicaState::loading);
  order(1);
  auto view = look();
  EXPECT_TRUE(view.rollouts.at("chat"));
  EXPECT_EQ(count(view, ReplicaState::ready), 3);
  EXPECT_EQ(count(view, ReplicaState::loading), 0);
  // The new one is ready: an old one is about to go.
  pass(10s);
  pod("chat-2-0", ReplicaState::ready);
  view = look();
  EXPECT_EQ(count(view, ReplicaState::ready), 3);
  EXPECT_EQ(count(view, ReplicaState::draining), 1);
  const auto surged = std::ranges::find(view.replicas, "chat-2-0.default", &Replica::id);
  ASSERT_NE(surged, view.replicas.end());
  EXPECT_EQ(surged->state, ReplicaState::ready);
  // More may be asked for.
  order(5);
  EXPECT_EQ(written().replicas, 5);
  order(1);
  EXPECT_TRUE(step().empty());
  chat.status_replicas = chat.updated_replicas.emplace(5);
  tell("chat");
  EXPECT_EQ(written().replicas, 1);
  EXPECT_FALSE(look().rollouts.contains("chat"));
}

TEST_F(KubernetesPlanTest, ARolloutThatIsStuckIsNamedOnce) {
  record("chat").stuck = "ReplicaSet \"chat-2\" has timed out progressing.";
  tell("chat");
  auto view = look();
  EXPECT_TRUE(has_problem(view, Reason::rollout_failed, "timed out"));
  EXPECT_EQ(events(view, Reason::rollout_failed), 1);
  tell("chat");
  EXPECT_TRUE(look().events.empty());
}

TEST_F(KubernetesPlanTest, PhasesOfAColdStartAreMeasuredFromTheRequest) {
  order(4);
  written();
  pass(1s);
  pod("chat-1-3", ReplicaState::requested);
  pass(2s);
  pod("chat-1-3", ReplicaState::starting);
  pass(10s);
  pod("chat-1-3", ReplicaState::loading);
  pass(30s);
  EXPECT_EQ(count(look(), ReplicaState::loading), 1);
  pod("chat-1-3", ReplicaState::ready);
  const auto view = look();
  ASSERT_EQ(view.cold_starts.at("chat").size(), 1U);
  EXPECT_EQ(view.cold_starts.at("chat")[0].took, 43s);
  const auto one = std::ranges::find(view.replicas, "chat-1-3.default", &Replica::id);
  ASSERT_NE(one, view.replicas.end());
  EXPECT_EQ(one->start.scheduling, 3s);
  EXPECT_EQ(one->start.pulling, 10s);
  EXPECT_EQ(one->start.loading, 30s);
  EXPECT_TRUE(look().cold_starts.empty());
}

TEST_F(KubernetesPlanTest, ReadyPodsHaveAnEndpoint) {
  auto view = look();
  EXPECT_EQ(view.replicas.at(0).host, "10.0.0.1");
  EXPECT_EQ(view.replicas.at(0).port, 8000);
  std::get<KubernetesTargetSpec>(services_[0].pools[0].target).port = "9000";
  plan_.configure(services_, now_);
  view = look();
  EXPECT_EQ(view.replicas.at(0).port, 9000);
}

TEST_F(KubernetesPlanTest, APodWithoutANodeIsNamedAndLeavesNoRoom) {
  order(4);
  written();
  auto waiting = pod_record("chat-1-3", ReplicaState::requested);
  waiting.unschedulable = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.";
  pod("chat-1-3", waiting);
  auto view = look();
  EXPECT_EQ(view.available.at("chat").at("default"), 0);
  EXPECT_EQ(count(view, ReplicaState::requested), 1);
  EXPECT_TRUE(view.problems.empty());
  pass(3s);
  view = look();
  EXPECT_TRUE(has_problem(view, Reason::capacity_unavailable, "1 pod without a node: 0/3 nodes are available"));
  EXPECT_EQ(view.problems.at("chat")[0].replicas, 1);
  EXPECT_EQ(events(view, Reason::capacity_unavailable), 1);
  // A new node would be there by now.
  pass(5min);
  view = look();
  EXPECT_EQ(count(view, ReplicaState::failed), 1);
  pod("chat-1-3", ReplicaState::starting);
  view = look();
  EXPECT_TRUE(view.problems.empty());
  EXPECT_FALSE(view.available.contains("chat"));
}

TEST_F(KubernetesPlanTest, AnotherPoolNeedNotWaitForANewNode) {
  services_[0].pools.push_back(services_[0].pools[0]);
  services_[0].pools[1].name = "other";
  std::get<KubernetesTargetSpec>(services_[0].pools[1].target).name = "chat-other";
  plan_.configure(services_, now_);
  order(4);
  written();
  auto waiting = pod_record("chat-1-3", ReplicaState::requested);
  waiting.unschedulable = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.";
  pod("chat-1-3", waiting);
  EXPECT_EQ(count(look(), ReplicaState::failed), 0);
  pass(30s);
  EXPECT_EQ(count(look(), ReplicaState::failed), 1);
}

TEST_F(KubernetesPlanTest, FailedPodsAreNamedAndNeitherMultiplyNorGoAtOnce) {
  order(5);
  written();
  for (const char* name : {"chat-1-3", "chat-1-4"}) {
    auto broken = pod_record(name, ReplicaState::failed);
    broken.trouble = "ImagePullBackOff: no such image";
    pod(name, broken);
  }
  auto view = look();
  EXPECT_EQ(count(view, ReplicaState::failed), 2);
  EXPECT_TRUE(has_problem(view, Reason::start_failed, "chat-1-3: ImagePullBackOff"));
  EXPECT_EQ(events(view, Reason::start_failed), 1);
  // What is committed is wanted, now and then more: as it is.
  for (int i = 0; i < 100; ++i, pass(1min)) {
    order(i % 10 == 9 ? 5 : 3);
    EXPECT_TRUE(step().empty()) << i;
  }
  // Nobody wants more for long: they go.
  order(3);
  pass(20min);
  EXPECT_EQ(written().replicas, 3);
}

TEST_F(KubernetesPlanTest, AReadyPodThatIsNoMoreFailsAfterAWhile) {
  pass(1min);
  pod("chat-1-0", ReplicaState::loading);
  EXPECT_EQ(count(look(), ReplicaState::loading), 1);
  pass(2min);
  EXPECT_EQ(count(look(), ReplicaState::failed), 1);
  pod("chat-1-0", ReplicaState::ready);
  EXPECT_EQ(count(look(), ReplicaState::ready), 3);
}

TEST_F(KubernetesPlanTest, AnEndedPodIsNoReplicaAndADeletedOneDrains) {
  pod("chat-1-0", ReplicaState::gone);
  pod("chat-1-1", ReplicaState::draining);
  const auto view = look();
  EXPECT_EQ(count(view, ReplicaState::ready), 1);
  EXPECT_EQ(count(view, ReplicaState::draining), 1);
  EXPECT_EQ(count(view, ReplicaState::requested), 2);
}

TEST_F(KubernetesPlanTest, WhatIsNotSeenIsUnseenAndNotWritten) {
  order(5);
  plan_.see("pods", "", "connection refused", now_);
  EXPECT_TRUE(step().empty());
  auto view = look();
  EXPECT_TRUE(view.unseen.contains("chat"));
  EXPECT_EQ(count(view, ReplicaState::ready), 3);
  EXPECT_TRUE(has_problem(view, Reason::target_error, "connection refused"));
  EXPECT_EQ(events(view, Reason::target_error), 1);
  EXPECT_TRUE(view.events[0].service.empty());
  plan_.see("pods", "", "", now_);
  EXPECT_EQ(written().replicas, 5);
  EXPECT_TRUE(look().unseen.empty());
}

TEST_F(KubernetesPlanTest, BeforeTheFirstListNothingIsKnown) {
  KubernetesPlan plan;
  plan.let_write(true);
  plan.configure(services_, now_);
  plan.order("chat", {{.pool = "default", .replicas = Replicas{2}}}, now_);
  EXPECT_TRUE(plan.step(now_).empty());
  EXPECT_FALSE(plan.sees_all());
  EXPECT_TRUE(plan.look().unseen.contains("chat"));
  plan.see("pods", "", "", now_);
  plan.see("Deployment", "", "", now_);
  EXPECT_TRUE(plan.sees_all());
  EXPECT_TRUE(plan.step(now_).empty());
  const auto view = plan.look();
  EXPECT_TRUE(view.unseen.empty());
  // It is known not to be there.
  EXPECT_TRUE(has_problem(view, Reason::target_error, "there is no Deployment default/chat"));
  EXPECT_EQ(view.available.at("chat").at("default"), 0);
}

TEST_F(KubernetesPlanTest, AWorkloadThatComesAgainIsTakenAsItIs) {
  order(5);
  written();
  plan_.workload(id("chat"), nullptr, now_);
  EXPECT_TRUE(step().empty());
  EXPECT_TRUE(has_problem(look(), Reason::target_error, "there is no"));
  deploy("chat", 1, "kubectl");
  record("chat").uid = "another";
  tell("chat");
  EXPECT_EQ(written().replicas, 5);
  EXPECT_EQ(events(look(), Reason::conflict), 0);
}

TEST_F(KubernetesPlanTest, WithoutLeadershipNothingIsWrittenUntilItComes) {
  plan_.let_write(false);
  order(5);
  EXPECT_TRUE(step().empty());
  pass(1min);
  EXPECT_TRUE(step().empty());
  // What the leader writes is no conflict.
  deploy("chat", 4, "tidegate");
  EXPECT_TRUE(look().events.empty());
  plan_.let_write(true);
  plan_.wake();
  EXPECT_EQ(written().replicas, 5);
}

TEST_F(KubernetesPlanTest, AWriteThatWasNotSentIsDecidedAgain) {
  order(5);
  auto writes = step();
  ASSERT_EQ(writes.size(), 1U);
  plan_.answered(writes[0], {.may_not_write = true}, now_);
  EXPECT_TRUE(step().empty());
  pass(1s);
  EXPECT_EQ(written().replicas, 5);
}

TEST_F(KubernetesPlanTest, TwoPoolsDoNotShareAWorkload) {
  auto twin = kubernetes_service("twin");
  std::get<KubernetesTargetSpec>(twin.pools[0].target).name = "chat";
  services_.push_back(twin);
  plan_.configure(services_, now_);
  order(3);
  order(9, "twin");
  EXPECT_TRUE(step().empty());
  EXPECT_TRUE(has_problem(look(), Reason::conflict, "scaled by pool default of service chat", "twin"));
  services_.erase(services_.begin());
  plan_.configure(services_, now_);
  EXPECT_EQ(written().replicas, 9);
  EXPECT_EQ(count(look(), ReplicaState::ready, "twin"), 3);
}

TEST_F(KubernetesPlanTest, AServiceThatLeavesLeavesItsWorkloadAsItIs) {
  order(5);
  written();
  plan_.configure({}, now_);
  EXPECT_TRUE(step().empty());
  EXPECT_TRUE(look().replicas.empty());
}

TEST_F(KubernetesPlanTest, PodsOfOthersAreNotOurs) {
  auto stranger = pod_record("chat-1-7", ReplicaState::ready);
  stranger.owner_name = "chat-canary-1";  // the same label, another Deployment
  pod("chat-1-7", stranger);
  auto loner = pod_record("chat-1-8", ReplicaState::ready);
  loner.owner_kind.clear();
  pod("chat-1-8", loner);
  plan_.pod({"elsewhere", "chat-1-9"}, std::make_shared<const PodRecord>(pod_record("chat-1-9", ReplicaState::ready)),
            now_);
  EXPECT_EQ(count(look(), ReplicaState::ready), 3);
  // A selector that changes takes others.
  record("chat").selector = LabelSelector{{{.key = "app", .rule = LabelRule::in, .values = {"nothing"}}}};
  tell("chat");
  EXPECT_EQ(count(look(), ReplicaState::ready), 0);
}

TEST_F(KubernetesPlanTest, AStatefulSetGivesItsHighestOrdinalsUnmarked) {
  services_ = {kubernetes_service("m", {.kind = "StatefulSet", .name = "m"})};
  plan_.configure(services_, now_);
  deploy("m", 3, "kubectl", "StatefulSet");
  for (int i = 0; i < 3; ++i) {
    auto one = pod_record(fmt::format("m-1-{}", i), ReplicaState::ready);
    one.labels = {{"app", "m"}};
    one.owner_kind = "StatefulSet";
    one.owner_name = "m";
    pod(fmt::format("m-{}", i), one);
  }
  plan_.in_flight({{"m-0.default", 0}, {"m-1.default", 0}, {"m-2.default", 9}});
  order(2, "m");
  EXPECT_TRUE(written().marks.empty());
  const auto view = look();
  EXPECT_EQ(view.replicas.at(2).id, "m-2.default");
  EXPECT_EQ(view.replicas.at(2).state, ReplicaState::draining);
}

TEST_F(KubernetesPlanTest, AnotherKindIsReadByItsScale) {
  services_ = {
      kubernetes_service("m", {.api_version = "leaderworkerset.x-k8s.io/v1", .kind = "LeaderWorkerSet", .name = "m"})};
  plan_.configure(services_, now_);
  const WorkloadId own{
      .key = {"default", "m"}, .kind = "LeaderWorkerSet", .api_version = "leaderworkerset.x-k8s.io/v1"};
  WorkloadRecord set{.uid = "u", .resource_version = "200", .generation = 1};
  plan_.workload(own, std::make_shared<const WorkloadRecord>(set), now_);
  auto writes = step();
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].deed, ClusterDeed::read_scale);
  EXPECT_TRUE(look().unseen.contains("m"));
  plan_.answered(writes[0], {.scale = Scale{.replicas = 2, .selector = "app=m", .resource_version = "200", .uid = "u"}},
                 now_);
  auto leader = pod_record("m-1-0", ReplicaState::ready);
  pod("m-1-0", leader);
  EXPECT_EQ(count(look(), ReplicaState::ready, "m"), 1);
  order(4, "m");
  writes = step();
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].replicas, 4);
  // A change of its spec is read again, a change of its status is not.
  plan_.answered(writes[0], {.scale = Scale{.replicas = 4, .resource_version = "201", .uid = "u"}}, now_);
  set.resource_version = "202";
  set.generation = 2;
  plan_.workload(own, std::make_shared<const WorkloadRecord>(set), now_);
  writes = step();
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].deed, ClusterDeed::read_scale);
  plan_.answered(writes[0], {.scale = Scale{.replicas = 4, .selector = "app=m", .resource_version = "202", .uid = "u"}},
                 now_);
  set.resource_version = "203";
  plan_.workload(own, std::make_shared<const WorkloadRecord>(set), now_);
  EXPECT_TRUE(step().empty());
  order(5, "m");
  EXPECT_EQ(step().at(0).resource_version, "203");
}

TEST_F(KubernetesPlanTest, ARestartIsANewRevision) {
  EXPECT_FALSE(plan_.restart("nobody"));
  ASSERT_TRUE(plan_.restart("chat"));
  auto writes = step();
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(writes[0].deed, ClusterDeed::restart);
  // A server that is away is asked again; one that forbids it is not.
  refuse(writes[0], ApiReason::unreachable);
  pass(1min);
  writes = step();
  ASSERT_EQ(writes.size(), 1U);
  refuse(writes[0], ApiReason::forbidden);
  EXPECT_TRUE(has_problem(look(), Reason::target_error, "refused"));
  pass(1h);
  EXPECT_TRUE(step().empty());
}

}  // namespace
}  // namespace tidegate
