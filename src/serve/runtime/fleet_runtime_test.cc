#include "serve/runtime/fleet_runtime.h"

#include "serve/runtime/testing/runtime_fixture.h"

namespace tidegate {
namespace {

using FleetRuntimeTest = RuntimeTest;

Override pin(int replicas, Instant expires) {
  return {.kind = OverrideKind::pin,
          .replicas = Replicas{replicas},
          .expires = expires,
          .author = "ada",
          .comment = "a test"};
}

TEST_F(FleetRuntimeTest, aRestartGoesOnFromWhatWasSeen) {
  ASSERT_TRUE(begin());
  target_.add("chat-a", ReplicaState::ready, clock_.now());
  tick(20);
  const Instant last = clock_.now();
  crash();
  observations_.clear();
  states_seen_.clear();
  clock_.advance(3s);
  ASSERT_TRUE(begin());
  // The first tick wrote a checkpoint; the nineteen after it are decided again.
  EXPECT_EQ(observations_.size(), 19U);
  tick();
  EXPECT_EQ(states_seen_.back(), last);
  EXPECT_FALSE(observations_.back().restarted);
  EXPECT_EQ(observations_.back().pools.at(0).ready, 1);
}

TEST_F(FleetRuntimeTest, afterALongStopTheFirstObservationSaysSo) {
  ASSERT_TRUE(begin());
  tick(5);
  crash();
  clock_.advance(10min);
  ASSERT_TRUE(begin());
  tick();
  EXPECT_TRUE(observations_.back().restarted);
  tick();
  EXPECT_FALSE(observations_.back().restarted);
}

TEST_F(FleetRuntimeTest, aServiceThatIsNewHasNothingToHoldOnTo) {
  ASSERT_TRUE(begin());
  tick();
  EXPECT_FALSE(observations_.back().restarted);
}

TEST_F(FleetRuntimeTest, replicasWithoutAJournalAreHeld) {
  target_.add("chat-a", ReplicaState::ready, clock_.now());
  ASSERT_TRUE(begin());
  tick();
  EXPECT_TRUE(observations_.back().restarted);
}

TEST_F(FleetRuntimeTest, goingThroughTheJournalHasALimit) {
  ASSERT_TRUE(begin());
  tick(50);
  crash();
  observations_.clear();
  ASSERT_TRUE(begin({.time_max = Duration{0}}));
  EXPECT_EQ(observations_.size(), 1U);
  EXPECT_TRUE(log_.has("hold until they know enough"));
  tick();
  EXPECT_TRUE(observations_.back().restarted);
}

TEST_F(FleetRuntimeTest, steeringOutlivesACrashAndEndsByItself) {
  ASSERT_TRUE(begin());
  tick();
  ASSERT_TRUE(runtime_->set_override("chat", pin(5, clock_.now() + 1min)));
  ASSERT_TRUE(runtime_->set_pause("chat", Pause{.author = "ada"}));
  EXPECT_FALSE(runtime_->set_pause("nobody", Pause{}));
  tick();
  EXPECT_EQ(observations_.back().manual->replicas, Replicas{5});
  crash();
  ASSERT_TRUE(begin());
  tick();
  ASSERT_TRUE(observations_.back().manual);
  EXPECT_EQ(observations_.back().manual->author, "ada");
  EXPECT_TRUE(observations_.back().pause);
  EXPECT_TRUE(runtime_->view()->services[0].steering.pause);
  ASSERT_TRUE(runtime_->set_pause("chat", std::nullopt));
  clock_.advance(1min);
  tick();
  EXPECT_FALSE(observations_.back().manual);
  EXPECT_FALSE(observations_.back().pause);
}

TEST_F(FleetRuntimeTest, aReloadKeepsWhatIsKnownOfServicesThatStay) {
  ASSERT_TRUE(begin());
  tick(5);
  const Instant last = clock_.now();
  wanted_.services = {some_service("code"), some_service("chat")};
  wanted_.services[1].guardrails.replicas_max = Replicas{3};
  wanted_text_ = "as changed";
  states_seen_.clear();
  ASSERT_TRUE(runtime_->reload());
  EXPECT_EQ(runtime_->spec()->services.size(), 2U);
  tick();
  EXPECT_EQ(states_seen_, (std::vector<Instant>{Instant{}, last}));
  EXPECT_EQ(target_.configured.size(), 2U);
  ASSERT_TRUE(journal_->flush(10s));
  const auto sources = journal_->configurations().value();
  ASSERT_EQ(sources.size(), 2U);
  EXPECT_EQ(sources[0].source.text, "as at first");
  EXPECT_EQ(sources[1].source.text, "as changed");
  EXPECT_EQ(sources[1].since, last);
  EXPECT_TRUE(runtime_->health().reload_ok);
  EXPECT_TRUE(log_.has("event=reloaded added=code removed=\"\" changed=chat"));
  wanted_.services.pop_back();
  ASSERT_TRUE(runtime_->reload());
  tick();
  EXPECT_EQ(runtime_->view()->services.size(), 1U);
  EXPECT_EQ(link_.tables.back().routes.size(), 1U);
}

TEST_F(FleetRuntimeTest, aNewServiceStartsFromWhatOneWithTheSameReplicasHasLearned) {
  learned_.cold_starts.recent_ns = {Duration{90s}.count()};
  learned_.cold_starts.seen = 1;
  ASSERT_TRUE(begin());
  tick();
  wanted_.services.push_back(some_service("search"));
  wanted_.services.push_back(some_service("other"));
  std::get<ProcessTargetSpec>(wanted_.services[2].pools[0].target).command = {"another", "server"};
  ASSERT_TRUE(runtime_->reload());
  EXPECT_TRUE(log_.has("event=taught service=search by=chat"));
  EXPECT_FALSE(log_.has("event=taught service=other"));
  tick();
  EXPECT_EQ(pools_seen_.at("search").at("default"), learned_);
  EXPECT_TRUE(pools_seen_.at("other").empty());
  // Also where nothing but that is left of it.
  ASSERT_TRUE(journal_->flush(10s));
  const auto kept = journal_->load_learned("search");
  ASSERT_TRUE(kept);
  EXPECT_EQ(state_from_learned(*kept).value().pools.at("default"), learned_);
}

TEST_F(FleetRuntimeTest, sourcesAreToldTheServicesAndMayRefuseThem) {
  ASSERT_TRUE(begin());
  EXPECT_EQ(source_->services.at(0).name, "chat");
  wanted_.services[0].guardrails.replicas_max = Replicas{3};
  ASSERT_TRUE(runtime_->reload());
  EXPECT_EQ(source_->services.at(0).guardrails.replicas_max, Replicas{3});
  source_->refuses = true;
  wanted_.services[0].guardrails.replicas_max = Replicas{4};
  EXPECT_FALSE(runtime_->reload());
  EXPECT_EQ(runtime_->spec()->services.at(0).guardrails.replicas_max, Replicas{3});
  EXPECT_FALSE(runtime_->health().reload_ok);
}

TEST_F(FleetRuntimeTest, aBadConfigurationIsRefusedAsAWhole) {
  ASSERT_TRUE(begin());
  tick();
  load_problem_ = "tidegate.yaml:3:1: error[unknown_key]: no";
  EXPECT_FALSE(runtime_->reload());
  EXPECT_FALSE(runtime_->health().reload_ok);
  EXPECT_EQ(runtime_->health().reload_problem, *load_problem_);
  load_problem_.reset();
  wanted_.services = {some_service("chat"), some_service("code")};
  wanted_.services[1].pools[0].target = std::monostate{};
  EXPECT_FALSE(runtime_->reload());
  EXPECT_TRUE(log_.has("pool default of service code has no target"));
  tick();
  EXPECT_EQ(runtime_->view()->services.size(), 1U);
  wanted_ = spec_;
  ASSERT_TRUE(runtime_->reload());
  EXPECT_TRUE(runtime_->health().reload_ok);
}

TEST_F(FleetRuntimeTest, whatIsBoundAtTheStartWaitsForTheNext) {
  ASSERT_TRUE(begin());
  wanted_.gateway.listen = "127.0.0.1:1";
  wanted_.keda = KedaSpec{};
  wanted_.control.tick = 500ms;
  ASSERT_TRUE(runtime_->reload());
  EXPECT_EQ(runtime_->spec()->gateway.listen, spec_.gateway.listen);
  EXPECT_EQ(runtime_->spec()->control.tick, 500ms);
  EXPECT_TRUE(log_.has("`gateway` has changed"));
  EXPECT_TRUE(log_.has("`keda` has changed"));
  EXPECT_FALSE(runtime_->spec()->keda);
}

TEST_F(FleetRuntimeTest, theThreadTicksUntilItIsStopped) {
  spec_.control.tick = 1h;
  ASSERT_TRUE(begin());
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t ticks = 0;
  runtime_->on_event([&](const FleetEvent& event) {
    const std::lock_guard lock(mutex);
    ticks = event.view->tick;
    changed.notify_all();
  });
  const auto reached = [&](std::uint64_t wanted) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return ticks >= wanted; });
  };
  runtime_->start();
  EXPECT_TRUE(reached(1));
  runtime_->stop();
  EXPECT_EQ(runtime_->health().ticks, 1U);
  EXPECT_FALSE(link_.wake);
}

TEST_F(FleetRuntimeTest, aStopLeavesNothingToGoThroughAgain) {
  ASSERT_TRUE(begin());
  tick(30);
  runtime_->stop();
  runtime_.reset();
  journal_.reset();
  open();
  observations_.clear();
  ASSERT_TRUE(begin());
  EXPECT_TRUE(observations_.empty());
  tick();
  EXPECT_FALSE(observations_.back().restarted);
}

TEST_F(FleetRuntimeTest, restartIsPassedOnForKnownServicesOnly) {
  ASSERT_TRUE(begin());
  EXPECT_TRUE(runtime_->restart("chat"));
  EXPECT_EQ(target_.restarts, std::vector<std::string>{"chat"});
  const auto refused = runtime_->restart("nobody");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::not_found);
}

TEST_F(FleetRuntimeTest, aFleetThatCannotRunIsRefused) {
  spec_.services[0].pools[0].target = std::monostate{};
  EXPECT_FALSE(begin());
}

}  // namespace
}  // namespace tidegate
