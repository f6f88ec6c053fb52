// Others who scale what we scale, as the plan of the Kubernetes target meets them.
#include "edge/targets/testing/plan_fixture.h"

namespace tidegate {
namespace {

class SecondOwnerPlanTest : public PlanTest {
 protected:
  using PlanTest::PlanTest;
  void behave(SecondOwner mode) {
    std::get<KubernetesTargetSpec>(services_[0].pools[0].target).second_owner = mode;
    plan_.configure(services_, now_);
  }
  void rival(const std::string& kind, bool is_there = true, bool is_paused = false) {
    const RivalRecord record{.kind = kind,
                             .name = "peer",
                             .target_api_version = "apps/v1",
                             .target_kind = "Deployment",
                             .target_name = "chat",
                             .is_paused = is_paused};
    plan_.rival(kind, {"default", "peer"}, is_there ? std::make_shared<const RivalRecord>(record) : nullptr);
  }
};

TEST_F(SecondOwnerPlanTest, AForeignWriteIsNamedAndYieldedTo) {
  order(5);
  written();
  deploy("chat", 2, "argocd-controller");
  EXPECT_TRUE(step().empty());
  auto view = look();
  ASSERT_EQ(events(view, Reason::conflict), 1);
  EXPECT_EQ(view.events[0].message, "argocd-controller set 2 replicas of Deployment default/chat, we had 5");
  EXPECT_TRUE(has_problem(view, Reason::conflict, "taken over again at"));
  pass(4min);
  order(6);
  EXPECT_TRUE(step().empty());
  pass(1min);
  EXPECT_EQ(written().replicas, 6);
  // Undisturbed for long, it is forgotten.
  pass(11min);
  view = look();
  EXPECT_TRUE(view.problems.empty());
  EXPECT_TRUE(view.events.empty());
}

TEST_F(SecondOwnerPlanTest, ReassertWritesOursAgainAtABoundedRate) {
  behave(SecondOwner::reassert);
  order(5);
  written();
  int writes = 0;
  for (int i = 0; i < 600; ++i, pass(1s)) {
    deploy("chat", 2, "argocd-controller");
    for (const auto& write : step()) {
      EXPECT_EQ(write.replicas, 5);
      ++writes;
      take(write);
    }
  }
  EXPECT_GE(writes, 3);
  EXPECT_LE(writes, 5);
}

TEST_F(SecondOwnerPlanTest, PauseWaitsForAPerson) {
  behave(SecondOwner::pause);
  order(5);
  written();
  deploy("chat", 2, "argocd-controller");
  pass(100h);
  EXPECT_TRUE(step().empty());
  EXPECT_TRUE(has_problem(look(), Reason::conflict, "paused until"));
  plan_.resume("chat");
  EXPECT_EQ(written().replicas, 5);
}

TEST_F(SecondOwnerPlanTest, ASizeThatTheyAndWeWantIsNoConflict) {
  order(5);
  deploy("chat", 5, "argocd-controller");
  EXPECT_TRUE(step().empty());
  EXPECT_TRUE(look().problems.empty());
}

TEST_F(SecondOwnerPlanTest, WhoOnlyWatchesIsInNobodysWay) {
  services_[0].mode = Mode::shadow;
  plan_.configure(services_, now_);
  rival("HorizontalPodAutoscaler");
  deploy("chat", 8, "kube-controller-manager");
  const auto view = look();
  EXPECT_TRUE(view.problems.empty());
  EXPECT_TRUE(view.events.empty());
  EXPECT_EQ(count(view, ReplicaState::requested), 5);
}

TEST_F(SecondOwnerPlanTest, AWorkloadWithAnotherAutoscalerIsLeftAlone) {
  rival("HorizontalPodAutoscaler");
  order(5);
  EXPECT_TRUE(step().empty());
  auto view = look();
  EXPECT_TRUE(has_problem(view, Reason::conflict, "HorizontalPodAutoscaler peer scales Deployment default/chat too"));
  EXPECT_EQ(events(view, Reason::conflict), 1);
  // KEDA's object is the one to name, not the autoscaler that it made.
  rival("ScaledObject");
  EXPECT_TRUE(has_problem(look(), Reason::conflict, "ScaledObject peer"));
  rival("ScaledObject", true, true);
  rival("HorizontalPodAutoscaler", false);
  EXPECT_EQ(written().replicas, 5);
  EXPECT_TRUE(look().problems.empty());
}

TEST_F(SecondOwnerPlanTest, AnAutoscalerOfAnotherWorkloadIsNone) {
  const RivalRecord other{
      .kind = "HorizontalPodAutoscaler", .name = "peer", .target_kind = "Deployment", .target_name = "code"};
  plan_.rival(other.kind, {"default", "peer"}, std::make_shared<const RivalRecord>(other));
  RivalRecord elsewhere = other;
  elsewhere.target_name = "chat";
  plan_.rival(other.kind, {"elsewhere", "peer"}, std::make_shared<const RivalRecord>(elsewhere));
  order(5);
  EXPECT_EQ(written().replicas, 5);
}

class TakeoverPlanTest : public SecondOwnerPlanTest {
 protected:
  TakeoverPlanTest() : SecondOwnerPlanTest({.pool = {.takeover = true}}) {}
};

TEST_F(TakeoverPlanTest, ScalesBesideAnother) {
  rival("HorizontalPodAutoscaler");
  order(5);
  EXPECT_EQ(written().replicas, 5);
  EXPECT_TRUE(has_problem(look(), Reason::conflict, "scales Deployment default/chat too"));
}

TEST_F(SecondOwnerPlanTest, NothingIsWrittenBeforeOthersWereLookedFor) {
  plan_.forget(std::string{rivals_sight}, "", now_);
  order(5);
  EXPECT_TRUE(step().empty());
  plan_.see(rivals_sight, "", "horizontalpodautoscalers is forbidden", now_);
  EXPECT_TRUE(step().empty());
  EXPECT_TRUE(has_problem(look(), Reason::target_error, "forbidden"));
  plan_.see(rivals_sight, "", "", now_);
  EXPECT_EQ(written().replicas, 5);
}

}  // namespace
}  // namespace tidegate
