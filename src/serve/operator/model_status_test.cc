#include "serve/operator/model_status.h"

#include <gtest/gtest.h>

#include "edge/kubernetes/rfc3339.h"
#include "serve/operator/model_events.h"
#include "serve/operator/model_report.h"
#include "serve/operator/testing/some_models.h"

namespace tidegate {
namespace {

const Instant noon = *parse_rfc3339("2026-03-01T12:00:00Z");

ModelStatus report(const ServiceView& view, const ModelStatus& before = {}, const ModelContext& context = {}) {
  return report_model(view, context, before);
}

std::string reason_of(const ModelStatus& status, ModelConditionType type) {
  const auto* condition = find_condition(status, type);
  return condition == nullptr ? "none" : (condition->holds ? "+" : "-") + condition->reason;
}

std::vector<std::string> event_reasons(const ModelStatus& before, const ModelStatus& now) {
  std::vector<std::string> reasons;
  for (const auto& event : events_between(before, now)) reasons.push_back(event.reason);
  return reasons;
}
using Words = std::vector<std::string>;

TEST(ModelReport, TellsSizesBandAndConditions) {
  auto view = some_view(noon, 2, 3);
  view.seen.pools[0].loading = 1;
  const auto status = report(view, {}, {.generation = 4, .leader = "a", .epoch = 7});
  EXPECT_EQ(status.facts.desired, 3);
  EXPECT_EQ(status.facts.ready, 2);
  EXPECT_EQ(status.facts.generation, 4);
  EXPECT_EQ(status.facts.pools.at(0).loading, 1);
  EXPECT_EQ(status.drift.band->floor, 2.4);
  EXPECT_EQ(status.drift.epoch, 7);
  EXPECT_EQ(status.facts.conditions.size(), 7U);
  EXPECT_EQ(reason_of(status, ModelConditionType::ready), "+valid");
  EXPECT_EQ(reason_of(status, ModelConditionType::metrics_available), "+fresh");
  EXPECT_EQ(reason_of(status, ModelConditionType::scaling_active), "+acting");
  EXPECT_EQ(reason_of(status, ModelConditionType::limited), "-within_limits");
  EXPECT_EQ(reason_of(status, ModelConditionType::conflict), "-sole_writer");
  EXPECT_FALSE(status.drift.attainment) << "what was not measured is left out";
}

TEST(ModelReport, WhoHasJustBegunWaitsForEvidenceWhereAnEarlierReportStands) {
  auto view = some_view(noon, 2, 2);
  const auto earlier = report(view, {}, {.generation = 4});
  EXPECT_FALSE(waits_for_evidence(view, {.generation = 4}, earlier)) << "it was measured";
  view.decision.reason = Reason::no_data;
  EXPECT_TRUE(waits_for_evidence(view, {.generation = 4}, earlier));
  EXPECT_FALSE(waits_for_evidence(view, {.generation = 5}, earlier)) << "of another spec";
  EXPECT_FALSE(waits_for_evidence(view, {.generation = 4}, {})) << "nothing was reported yet";
}

TEST(ModelReport, WhatIsWrittenIsReadBackAsItWas) {
  auto view = some_view(noon, 2, 3);
  view.attainment = 0.99678;
  view.attainment_known = true;
  view.decision.unlocks = noon + 90s;
  view.decision.peers = {{.policy = "hpa", .replicas = Replicas{5}}};
  view.problems = {{.pool = "default", .reason = Reason::capacity_unavailable, .message = "no node", .replicas = 1}};
  const auto status = report(view, {}, {.generation = 4, .leader = "a", .epoch = 7});
  EXPECT_EQ(parse_status(status_json(status)), status);
  EXPECT_EQ(status.drift.attainment, 0.996) << "rounded down: 100 % means all";
  EXPECT_EQ(status.facts.pools.at(0).unschedulable, 1);
  EXPECT_EQ(reason_of(status, ModelConditionType::limited), "+capacity_unavailable");
}

TEST(ModelReport, AStatusOfSomethingElseIsNothing) {
  EXPECT_EQ(
      parse_status(*parse_json(R"({"conditions": 3, "pools": [1, "x"], "desired": "many", "band": []})")).facts.desired,
      std::nullopt);
}

TEST(ModelReport, AChangeIsNotedOnceAndHasAnEvent) {
  const auto before = report(some_view(noon, 2, 2));
  EXPECT_TRUE(before.facts.changes.empty());
  auto raised = some_view(noon + 1s, 2, 4);
  const auto after = report(raised, before);
  ASSERT_EQ(after.facts.changes.size(), 1U);
  EXPECT_EQ(after.facts.changes[0].from, 2);
  EXPECT_EQ(after.facts.changes[0].to, 4);
  EXPECT_EQ(event_reasons(before, after), Words{"ScaledUp"});
  raised.decision.now += 1s;
  const auto later = report(raised, after);
  EXPECT_EQ(later.facts, after.facts) << "the same size again is no change";
  EXPECT_TRUE(event_reasons(after, later).empty());
  EXPECT_EQ(event_reasons(later, report(some_view(noon + 3s, 4, 1), later)), Words{"ScaledDown"});
}

TEST(ModelReport, InShadowNothingReadsAsDone) {
  auto view = some_view(noon, 2, 4);
  auto spec = *view.spec;
  spec.mode = Mode::shadow;
  view.spec = std::make_shared<const ServiceSpec>(spec);
  const auto status = report(view, report(some_view(noon, 2, 2)));
  EXPECT_EQ(reason_of(status, ModelConditionType::scaling_active), "-shadow");
  EXPECT_EQ(event_reasons({}, status), (Words{"WouldScaleUp"}));
}

TEST(ModelReport, OnlyTheNewestChangesStay) {
  ModelStatus status;
  for (int i = 0; i < 14; ++i) status = report(some_view(noon + i * 1s, 1, 1 + i % 2 + 1), status);
  EXPECT_EQ(status.facts.changes.size(), model_changes_max);
  EXPECT_EQ(status.facts.changes[0].at, noon + 13s);
}

TEST(ModelReport, ASizeThatSomebodyElseSetIsNoChangeOfOurs) {
  auto view = some_view(noon + 1s, 5, 5);
  view.decision.verdict = Verdict::hold;
  EXPECT_TRUE(report(view, report(some_view(noon, 2, 2))).facts.changes.empty());
}

TEST(ModelReport, AConditionKeepsTheTimeItBegan) {
  auto view = some_view(noon, 2, 2);
  view.decision.stages = {{.stage = Stage::observe, .reason = Reason::signals_stale}};
  const auto lost = report(view, report(some_view(noon - 5s, 2, 2)));
  EXPECT_EQ(reason_of(lost, ModelConditionType::fallback), "+signals_stale");
  EXPECT_EQ(reason_of(lost, ModelConditionType::metrics_available), "-signals_stale");
  view.decision.now = noon + 30s;
  const auto later = report(view, lost);
  EXPECT_EQ(find_condition(later, ModelConditionType::fallback)->since, noon);
  EXPECT_EQ(find_condition(later, ModelConditionType::ready)->since, noon - 5s);
  EXPECT_EQ(event_reasons(report(some_view(noon, 2, 2)), lost), Words{"MetricsLost"});
}

TEST(ModelReport, ARefusedSpecSaysWhyAndKeepsWhatWasKnown) {
  const auto before = report(some_view(noon, 2, 2));
  const auto status = report_refused({.generation = 9, .refusal = "spec.slo: no"}, before, noon + 1s);
  EXPECT_EQ(reason_of(status, ModelConditionType::ready), "-invalid");
  EXPECT_EQ(find_condition(status, ModelConditionType::ready)->message, "spec.slo: no");
  EXPECT_EQ(status.facts.generation, 9);
  EXPECT_EQ(status.facts.desired, 2);
}

TEST(ModelReport, AnEventOfAReplicaNamesItAsKubernetesDoes) {
  const auto event = event_of(JournalEvent{.replica = "pod-1", .reason = Reason::start_failed, .message = "no image"});
  EXPECT_EQ(event.reason, "StartFailed");
  EXPECT_EQ(event.note, "pod-1: no image");
}

}  // namespace
}  // namespace tidegate
