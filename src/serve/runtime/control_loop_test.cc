#include "serve/runtime/testing/runtime_fixture.h"

namespace tidegate {
namespace {

using ControlLoopTest = RuntimeTest;

Sample gateway_sample(const std::string& replica, double in_flight, Instant now) {
  return {.service = "chat", .replica = replica, .signal = Signal::in_flight, .value = Gauge{in_flight}, .taken = now};
}

TEST_F(ControlLoopTest, ordersWhatIsDecidedAndRoutesWhatIsReady) {
  ASSERT_TRUE(begin());
  sizes_["chat"] = 2;
  target_.add("chat-a", ReplicaState::ready, clock_.now());
  target_.add("chat-b", ReplicaState::loading, clock_.now());
  target_.add("chat-c", ReplicaState::draining, clock_.now());
  tick();
  ASSERT_EQ(target_.orders.size(), 1U);
  EXPECT_EQ(target_.orders[0].first, "chat");
  EXPECT_EQ(target_.orders[0].second.at(0).replicas, Replicas{2});
  ASSERT_EQ(link_.tables.size(), 1U);
  const auto& endpoints = link_.tables[0].routes.at(0).endpoints;
  ASSERT_EQ(endpoints.size(), 2U);
  EXPECT_EQ(endpoints[0].replica, "chat-a");
  EXPECT_EQ(endpoints[0].slots, 4);
  EXPECT_TRUE(endpoints[1].draining);
  const auto& pool = observations_.at(0).pools.at(0);
  EXPECT_EQ(pool.ready, 1);
  EXPECT_EQ(pool.loading, 1);
  EXPECT_EQ(pool.draining, 1);
}

TEST_F(ControlLoopTest, aTableIsPushedOnlyWhenSomethingChangesAndVersionsRise) {
  ASSERT_TRUE(begin());
  target_.add("chat-a", ReplicaState::loading, clock_.now());
  tick(3);
  ASSERT_EQ(link_.tables.size(), 1U);
  target_.view.replicas[0].state = ReplicaState::ready;
  tick(3);
  ASSERT_EQ(link_.tables.size(), 2U);
  EXPECT_GT(link_.tables[1].version, link_.tables[0].version);
}

TEST_F(ControlLoopTest, shadowDecidesAndTouchesNothing) {
  spec_.services[0].mode = Mode::shadow;
  sizes_["chat"] = 3;
  ASSERT_TRUE(begin());
  tick(3);
  EXPECT_TRUE(target_.orders.empty());
  ASSERT_EQ(link_.tables.size(), 1U);
  EXPECT_TRUE(link_.tables[0].routes.empty());
  EXPECT_EQ(runtime_->view()->services.at(0).decision.total(), Replicas{3});
}

TEST_F(ControlLoopTest, aTargetThatCannotBeSeenIsNotOrdered) {
  sizes_["chat"] = 3;
  ASSERT_TRUE(begin());
  target_.view.unseen = {"chat"};
  tick();
  EXPECT_TRUE(observations_.back().unseen);
  EXPECT_TRUE(target_.orders.empty());
  target_.view.unseen.clear();
  tick();
  EXPECT_FALSE(observations_.back().unseen);
  EXPECT_EQ(target_.orders.size(), 1U);
}

TEST_F(ControlLoopTest, aProblemOfTheTargetStandsInTheViewUntilItIsOver) {
  ASSERT_TRUE(begin());
  const TargetProblem problem{
      .pool = "default", .reason = Reason::capacity_unavailable, .message = "2 pods find no node", .replicas = 2};
  target_.view.problems["chat"] = {problem};
  tick(2);
  EXPECT_EQ(runtime_->view()->services.at(0).problems, std::vector{problem});
  target_.view.problems.clear();
  tick();
  EXPECT_TRUE(runtime_->view()->services.at(0).problems.empty());
}

TEST_F(ControlLoopTest, nothingIsPushedBeforeTheFirstLookAtTheTarget) {
  ASSERT_TRUE(begin());
  EXPECT_TRUE(link_.tables.empty());
  EXPECT_TRUE(target_.orders.empty());
  ASSERT_EQ(target_.configured.size(), 1U);
}

TEST_F(ControlLoopTest, aDrainingReplicaIsIdleOnlyWhenReadingsAreYoungerThanItsClosing) {
  ASSERT_TRUE(begin());
  target_.add("chat-a", ReplicaState::ready, clock_.now());
  tick();
  link_.readings.samples = {gateway_sample("chat-a", 2, clock_.now() + 1s)};
  tick();
  EXPECT_EQ(target_.reports.back(), (std::map<std::string, std::int64_t>{{"chat-a", 2}}));
  target_.view.replicas[0].state = ReplicaState::draining;
  link_.readings.samples = {gateway_sample("chat-a", 0, clock_.now() + 1s)};
  tick();  // closes it now: what was read before says nothing
  EXPECT_TRUE(target_.reports.back().empty());
  link_.readings.samples = {gateway_sample("chat-a", 0, clock_.now() + 1s)};
  tick();
  EXPECT_EQ(target_.reports.back(), (std::map<std::string, std::int64_t>{{"chat-a", 0}}));
}

TEST_F(ControlLoopTest, theSameReadingIsNotReportedTwice) {
  ASSERT_TRUE(begin());
  tick();
  const auto reports = target_.reports.size();
  clock_.advance(1s);
  runtime_->tick();  // the readings are those of the tick before
  EXPECT_EQ(target_.reports.size(), reports);
}

TEST_F(ControlLoopTest, aLostGatewayLeavesEverythingUnknown) {
  ASSERT_TRUE(begin());
  target_.add("chat-a", ReplicaState::draining, clock_.now());
  tick(3);
  link_.readings.connected = false;
  tick();
  EXPECT_TRUE(target_.reports.back().empty());
  EXPECT_FALSE(runtime_->health().gateway_connected);
  EXPECT_TRUE(log_.has("event=gateway_lost"));
}

TEST_F(ControlLoopTest, whereTrafficComesInElsewhereOurGatewaysZeroSaysNothing) {
  spec_.services[0].signals.traffic = TrafficSpec{};
  ASSERT_TRUE(begin());
  target_.add("chat-a", ReplicaState::draining, clock_.now());
  tick();
  link_.readings.samples = {gateway_sample("chat-a", 0, clock_.now() + 1s)};
  tick();
  EXPECT_TRUE(target_.reports.back().empty());
  source_->samples = {
      {.service = "chat", .replica = "chat-a", .signal = Signal::in_flight, .value = Gauge{3}, .taken = clock_.now()}};
  tick();
  EXPECT_EQ(target_.reports.back(), (std::map<std::string, std::int64_t>{{"chat-a", 3}}));
}

TEST_F(ControlLoopTest, aColdStartIsTakenByOneTick) {
  ASSERT_TRUE(begin());
  target_.add("chat-a", ReplicaState::loading, clock_.now());
  target_.view.cold_starts["chat"] = {{.pool = "default", .took = 20s}};
  tick();
  EXPECT_EQ(observations_.back().cold_starts.size(), 1U);
  tick();
  EXPECT_TRUE(observations_.back().cold_starts.empty());
}

TEST_F(ControlLoopTest, whatTheTargetReportsIsLoggedJournaledAndTold) {
  ASSERT_TRUE(begin());
  std::vector<FleetEvent> told;
  runtime_->on_event([&](const FleetEvent& event) { told.push_back(event); });
  target_.view.events = {{.at = clock_.now(),
                          .service = "chat",
                          .replica = "chat-a",
                          .reason = Reason::start_failed,
                          .message = "cannot run server: no such file"}};
  tick();
  EXPECT_TRUE(log_.has("event=start_failed service=chat replica=chat-a message=\"cannot run server: no such file\""));
  ASSERT_TRUE(journal_->flush(10s));
  const auto events = runtime_->events("chat", Instant{}, Instant::max(), 10);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ((*events)[0].reason, Reason::start_failed);
  ASSERT_EQ(told.size(), 3U);  // the first decision, the notice, the tick
  EXPECT_EQ(told[0].kind, FleetEvent::Kind::decision);
  EXPECT_EQ(told[1].kind, FleetEvent::Kind::notice);
  EXPECT_EQ(told[2].kind, FleetEvent::Kind::tick);
  EXPECT_EQ(told[2].view->tick, 1U);
}

TEST_F(ControlLoopTest, aViewIsOfOneTickAsAWhole) {
  spec_.services = {some_service("chat"), some_service("code")};
  spec_.services[1].pools[0].price = MicroUsdPerHour{2'500'000};
  ASSERT_TRUE(begin());
  target_.add("code-a", ReplicaState::ready, clock_.now(), "code").gpus = {0, 1};
  target_.add("code-b", ReplicaState::failed, clock_.now(), "code");
  tick();
  const auto view = runtime_->view();
  EXPECT_EQ(view->now, clock_.now());
  ASSERT_EQ(view->services.size(), 2U);
  EXPECT_EQ(view->services[0].spec->name, "chat");
  EXPECT_FALSE(view->services[0].cost_per_hour);
  EXPECT_EQ(view->services[1].replicas.size(), 2U);
  EXPECT_EQ(view->services[1].gpus, 2);
  EXPECT_DOUBLE_EQ(view->services[1].cost_per_hour.value_or(0), 2.5);
  const auto series = runtime_->series("code", 10min);
  ASSERT_TRUE(series);
  ASSERT_EQ(series->t.size(), 1U);
  EXPECT_EQ(series->columns.at(5).name, "ready");
  EXPECT_EQ(series->columns.at(5).values.at(0), 1);
  EXPECT_FALSE(runtime_->series("nobody", 10min));
}

}  // namespace
}  // namespace tidegate
