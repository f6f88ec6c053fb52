// The plan without processes: time, exits and probes are told to it.
#include "edge/targets/process_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tidegate {
namespace {

class ProcessPlanTest : public testing::Test {
 protected:
  static ServiceSpec service(const std::string& command = "serve", std::int32_t gpus = 0) {
    ProcessTargetSpec process{.command = {command}};
    ServiceSpec spec{.name = "chat"};
    spec.pools = {PoolSpec{.gpus = gpus, .target = process}};
    return spec;
  }
  void order(int replicas) { plan_.order("chat", {{.pool = "default", .replicas = Replicas{replicas}}}); }

  // Carries out what the plan asks for: processes start at once, answer probes as `ready_` says and end when told.
  void run_for(Duration span) {
    for (const Instant end = now_ + span; now_ <= end; now_ += 100ms) {
      std::vector<Action> actions;
      while (!(actions = plan_.step(now_)).empty())
        for (const auto& action : actions) perform(action);
      most_ = std::max(most_, plan_view().size());
      if (report_idle_) plan_.in_flight(loads_);
    }
  }
  void perform(const Action& action) {
    const auto& id = action.order.replica.id;
    switch (action.effort) {
      case Effort::start:
        ++starts_;
        commands_[id] = action.order.spec.command.at(0);
        if (commands_[id] == "missing") return plan_.start_failed(id, "missing is not found in PATH", now_);
        return plan_.started(id, 1000 + starts_, 20000, now_);
      case Effort::probe:
        if (commands_[id] == "crash") return plan_.exited(id, "exited with status 1", {"boom"}, now_);
        return plan_.probed(id, {commands_[id] == "never" ? Readiness::loading : Readiness::ready, "503"}, now_);
      case Effort::terminate:
        terminated_.push_back(id);
        if (stubborn_) return;
        [[fallthrough]];
      case Effort::kill:
        if (action.effort == Effort::kill) ++kills_;
        return plan_.exited(id, "exited with status 0", {}, now_);
      default:
        return;
    }
  }
  std::vector<Replica> plan_view() {
    auto view = plan_.look();
    for (auto& event : view.events) events_.push_back(event.reason);
    for (auto& [name, starts] : view.cold_starts) cold_starts_ += starts.size();
    rolling_ = view.rollouts["chat"];
    available_ = view.available["chat"].contains("default") ? view.available["chat"]["default"] : -1;
    return view.replicas;
  }
  long count(ReplicaState state) { return std::ranges::count(plan_view(), state, &Replica::state); }
  long said(Reason reason) const { return std::ranges::count(events_, reason); }

  ProcessPlan plan_{7};
  Instant now_{1h};
  std::map<std::string, std::string> commands_;
  std::map<std::string, std::int64_t> loads_;
  std::vector<std::string> terminated_;
  std::vector<Reason> events_;
  std::size_t most_ = 0, cold_starts_ = 0;
  int starts_ = 0, kills_ = 0, available_ = -1;
  bool report_idle_ = false, stubborn_ = false, rolling_ = false;
};

TEST_F(ProcessPlanTest, NothingHappensWithoutAnOrderAndRepeatingOneChangesNothing) {
  plan_.configure({service()}, now_);
  run_for(10s);
  EXPECT_EQ(starts_, 0);
  order(3);
  run_for(1s);
  EXPECT_EQ(count(ReplicaState::ready), 3);
  EXPECT_EQ(cold_starts_, 3U);
  for (int i = 0; i < 5; ++i) order(3), run_for(1s);
  EXPECT_EQ(starts_, 3);
}

TEST_F(ProcessPlanTest, AFailingPoolNeverHoldsMoreThanWasOrderedAndBacksOff) {
  plan_.configure({service("crash")}, now_);
  order(2);
  run_for(60s);
  EXPECT_LE(most_, 2U);
  // After failures at 0, 1, 3, 7, 15 and 31 s: six starts each within a minute.
  EXPECT_EQ(starts_, 12);
  EXPECT_EQ(said(Reason::start_failed), 12);
  order(1);
  run_for(1s);
  EXPECT_EQ(plan_view().size(), 1U) << "failed ones go first";
}

TEST_F(ProcessPlanTest, SilenceIsNotIdleness) {
  plan_.configure({service()}, now_);
  order(1);
  run_for(1s);
  plan_.in_flight({{plan_view()[0].id, 0}});
  order(0);
  run_for(4min);
  EXPECT_EQ(count(ReplicaState::draining), 1);
  EXPECT_TRUE(terminated_.empty()) << "the report was older than the drain";
  run_for(70s);
  EXPECT_EQ(terminated_.size(), 1U) << "the deadline of five minutes ends it";
  EXPECT_TRUE(plan_.is_empty());
}

TEST_F(ProcessPlanTest, AStubbornReplicaIsKilled) {
  stubborn_ = true;
  plan_.configure({service()}, now_);
  order(1);
  run_for(1s);
  loads_[plan_view()[0].id] = 0;
  report_idle_ = true;
  order(0);
  run_for(9s);
  EXPECT_EQ(kills_, 0);
  run_for(2s);
  EXPECT_EQ(kills_, 1);
  EXPECT_TRUE(plan_.is_empty());
}

TEST_F(ProcessPlanTest, ADrainingReplicaIsTakenBackBeforeANewOneIsStarted) {
  plan_.configure({service()}, now_);
  order(2);
  run_for(1s);
  order(1);
  run_for(1s);
  EXPECT_EQ(count(ReplicaState::draining), 1);
  order(2);
  run_for(1s);
  EXPECT_EQ(count(ReplicaState::ready), 2);
  EXPECT_EQ(starts_, 2);
}

TEST_F(ProcessPlanTest, WaitsForAGpuAndSaysSoOnce) {
  plan_.gpus({{.index = 0}, {.index = 1, .foreign = true}});
  plan_.configure({service("serve", 1)}, now_);
  order(2);
  run_for(30s);
  EXPECT_EQ(count(ReplicaState::ready), 1);
  EXPECT_EQ(count(ReplicaState::requested), 1);
  EXPECT_EQ(said(Reason::gpu_busy), 1);
  plan_.gpus({{.index = 0}, {.index = 1}});
  run_for(1s);
  EXPECT_EQ(count(ReplicaState::ready), 2);
  EXPECT_EQ(available_, 0);
}

TEST_F(ProcessPlanTest, RollsOneAfterAnotherWithASurgeWhereThereIsRoom) {
  plan_.configure({service()}, now_);
  order(3);
  run_for(1s);
  report_idle_ = true;
  for (const auto& replica : plan_view()) loads_[replica.id] = 0;
  plan_.configure({service("serve2")}, now_);
  plan_view();
  EXPECT_TRUE(rolling_);
  run_for(10s);
  EXPECT_EQ(starts_, 6);
  EXPECT_EQ(count(ReplicaState::ready), 3);
  EXPECT_FALSE(rolling_);
  for (const auto& replica : plan_view()) EXPECT_EQ(commands_[replica.id], "serve2");
}

TEST_F(ProcessPlanTest, RollsInPlaceWhereThereIsNoSlotForASurge) {
  plan_.gpus({{.index = 0}, {.index = 1}});
  plan_.configure({service("serve", 1)}, now_);
  order(2);
  run_for(1s);
  report_idle_ = true;
  for (const auto& replica : plan_view()) loads_[replica.id] = 0;
  plan_.configure({service("serve2", 1)}, now_);
  run_for(10s);
  EXPECT_EQ(count(ReplicaState::ready), 2);
  for (const auto& replica : plan_view()) EXPECT_EQ(commands_[replica.id], "serve2");
}

TEST_F(ProcessPlanTest, AFailingRevisionIsTriedOnceUntilItChangesOrRestartIsCalled) {
  plan_.configure({service()}, now_);
  order(2);
  run_for(1s);
  plan_.configure({service("missing")}, now_);
  run_for(1h);
  EXPECT_EQ(said(Reason::rollout_failed), 1);
  EXPECT_EQ(starts_, 3);
  EXPECT_EQ(count(ReplicaState::ready), 2);
  EXPECT_FALSE(rolling_);
  // More of the old are started meanwhile.
  order(3);
  run_for(1s);
  EXPECT_EQ(count(ReplicaState::ready), 3);
  ASSERT_TRUE(plan_.restart("chat"));
  run_for(1s);
  EXPECT_EQ(said(Reason::rollout_failed), 2);
  EXPECT_EQ(count(ReplicaState::ready), 3);
}

TEST_F(ProcessPlanTest, RestartReplacesEveryReplica) {
  plan_.configure({service()}, now_);
  order(2);
  run_for(1s);
  report_idle_ = true;
  std::vector<std::string> before;
  for (const auto& replica : plan_view()) loads_[replica.id] = 0, before.push_back(replica.id);
  ASSERT_TRUE(plan_.restart("chat"));
  EXPECT_FALSE(plan_.restart("nobody"));
  run_for(10s);
  EXPECT_EQ(count(ReplicaState::ready), 2);
  for (const auto& replica : plan_view()) EXPECT_EQ(std::ranges::count(before, replica.id), 0);
}

TEST_F(ProcessPlanTest, AdoptedReplicasStayUntilAnOrderAndOrphansDrain) {
  Replica replica{.id = "chat-default-1", .service = "chat", .pool = "default", .state = ReplicaState::ready, .pid = 9};
  plan_.adopt({.replica = replica}, now_);
  Replica orphan{
      .id = "gone-default-1", .service = "gone", .pool = "default", .state = ReplicaState::loading, .pid = 8};
  plan_.adopt({.replica = orphan}, now_);
  run_for(10s);
  EXPECT_EQ(plan_view().size(), 2U);
  auto spec = service();
  plan_.configure({spec}, now_);
  run_for(1s);
  EXPECT_EQ(terminated_, std::vector<std::string>{"gone-default-1"});
  EXPECT_EQ(plan_view().size(), 1U);
}

TEST_F(ProcessPlanTest, ANeverReadyReplicaIsStoppedAtItsDeadline) {
  plan_.configure({service("never")}, now_);
  order(1);
  run_for(29min);
  EXPECT_EQ(count(ReplicaState::loading), 1);
  EXPECT_TRUE(terminated_.empty());
  run_for(61s);
  EXPECT_EQ(terminated_.size(), 1U);
  EXPECT_EQ(said(Reason::start_failed), 1);
}

}  // namespace
}  // namespace tidegate
