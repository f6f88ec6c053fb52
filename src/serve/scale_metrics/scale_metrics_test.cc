#include <gtest/gtest.h>

#include "serve/scale_metrics/scale_metric_value.h"
#include "serve/scale_metrics/service_choice.h"

namespace tidegate {
namespace {

const Instant start = instant_at(1000);

ServiceView view_of(const std::string& name) {
  ServiceSpec spec;
  spec.name = name;
  ServiceView view{.spec = std::make_shared<const ServiceSpec>(spec)};
  view.seen.now = view.decision.now = start;
  view.seen.in_flight = Reading::of(12);
  view.seen.queued = Reading::of(3);
  view.decision.pools = {{.pool = "a", .replicas = Replicas{4}}, {.pool = "b", .replicas = Replicas{1}}};
  view.decision.band = {WeightedReplicas{4.2}, WeightedReplicas{6}};
  view.decision.demand_rate = 8.5;
  view.decision.stages = {{.stage = Stage::observe, .reason = Reason::steady}};
  return view;
}

Result<ScaleMetricValue> ask(const ServiceView& view, const std::string& name, const std::string& pool = "") {
  const auto metric = scale_metric(name);
  if (!metric) return fail(ErrorKind::invalid, "no such name");
  return scale_metric_value(view, {*metric, pool});
}

TEST(ScaleMetric, everyNameIsReadBack) {
  for (const auto& metric : scale_metrics()) EXPECT_EQ(scale_metric(metric.name()), metric) << metric.name();
  EXPECT_EQ(scale_metrics().size(), 8U + latency_kinds * percentiles);
  for (const auto* name : {"", "latency", "desired", "ttft", "ttft_p98", "DESIRED_REPLICAS"})
    EXPECT_FALSE(scale_metric(name)) << name;
}

TEST(ScaleMetricValue, saysWhatWasDecidedAndMeasured) {
  auto view = view_of("chat");
  EXPECT_EQ(ask(view, "desired_replicas")->value, 5);
  EXPECT_EQ(ask(view, "desired_replicas", "b")->value, 1);
  EXPECT_EQ(ask(view, "floor")->value, 4.2);
  EXPECT_EQ(ask(view, "ceiling")->value, 6);
  EXPECT_EQ(ask(view, "demand_rate")->value, 8.5);
  view.seen.queued.age = 2s;
  EXPECT_EQ(ask(view, "concurrency")->value, 15);
  EXPECT_EQ(ask(view, "concurrency")->measured, start - 2s) << "as old as the older part";
  view.seen.latency(LatencyKind::ttft, Percentile::p99) = Reading::of(0.42);
  EXPECT_EQ(ask(view, "ttft_p99")->value, 0.42);
}

TEST(ScaleMetricValue, missingIsNotZero) {
  auto view = view_of("chat");
  const auto trouble = [&](const std::string& name) { return ask(view, name).error(); };
  EXPECT_EQ(trouble("ttft_p99").message, "ttft_p99 of chat is not measured");
  view.seen.queued = {.quality = Quality::stale, .value = 0, .age = 42s};
  EXPECT_EQ(trouble("queued").message, "queued of chat is stale: its newest sample is 42s old");
  EXPECT_EQ(trouble("concurrency").kind, ErrorKind::unreachable);
  view.seen.in_flight = {.quality = Quality::error};
  EXPECT_EQ(trouble("in_flight").message, "in_flight of chat cannot be read: its source fails");
  view.decision.stages[0].reason = Reason::signals_stale;
  EXPECT_EQ(trouble("demand_rate").kind, ErrorKind::unreachable);
}

TEST(ScaleMetricValue, aDecisionWithoutGroundsIsNotHandedOut) {
  auto view = view_of("chat");
  view.decision.pools = {{.pool = "a", .replicas = Replicas{1}}};
  view.decision.band.ceiling_reason = Reason::signals_stale;
  for (const auto* name : {"desired_replicas", "floor", "ceiling"}) {
    EXPECT_EQ(ask(view, name).error().kind, ErrorKind::unreachable) << name;
  }
  EXPECT_FALSE(is_active(view));
  // It sees its replicas and keeps them, so its size means something.
  view.seen.pools = {{.pool = "a", .ready = 3}};
  EXPECT_TRUE(ask(view, "desired_replicas"));
  EXPECT_TRUE(is_active(view));
  view.seen.pools.clear();
  view.steering.manual = Override{.kind = OverrideKind::pin, .replicas = Replicas{1}};
  EXPECT_TRUE(ask(view, "desired_replicas"));
  view.steering.manual.reset();
  view.decision.band.ceiling_reason = Reason::steady;
  EXPECT_TRUE(ask(view, "desired_replicas"));
  view.steering.pause = Pause{};
  EXPECT_EQ(ask(view, "desired_replicas").error().message,
            "chat is paused and no replica of it is seen, so no size is known");
}

TEST(ScaleMetricValue, onlySizesAreToldByPool) {
  const auto view = view_of("chat");
  EXPECT_EQ(ask(view, "desired_replicas", "c").error().message, "no pool 'c' in chat; it has a, b");
  EXPECT_EQ(ask(view, "floor", "a").error().kind, ErrorKind::invalid);
}

TEST(ScaleMetricValue, activeMeansThatAnyReplicaIsWanted) {
  auto view = view_of("chat");
  EXPECT_EQ(is_active(view), true);
  for (auto& pool : view.decision.pools) pool.replicas = Replicas{0};
  EXPECT_EQ(is_active(view), false);
}

TEST(ScaleMetricValue, anOldViewSaysNothing) {
  FleetView view{.now = start};
  EXPECT_EQ(check_current(view, start, 1s).error().message, "nothing was decided yet");
  view.tick = 1;
  EXPECT_TRUE(check_current(view, start + 30s, 1s));
  EXPECT_EQ(check_current(view, start + 31s, 1s).error().message, "the newest decision is 31s old");
  EXPECT_TRUE(check_current(view, start + 100s, 10s));
}

TEST(ServiceChoice, theNamespacesOwnComesFirst) {
  FleetView view{.services = {view_of("chat"), view_of("chat.team-a"), view_of("code")}};
  const auto found = [&](std::string_view name, std::string_view name_space, ServiceNames names) {
    const auto* service = ServiceChoice{name, name_space, names}.find(view);
    return service ? service->spec->name : "";
  };
  EXPECT_EQ(found("chat", "team-a", ServiceNames::plain), "chat.team-a");
  EXPECT_EQ(found("chat", "team-b", ServiceNames::plain), "chat");
  EXPECT_EQ(found("chat", "team-b", ServiceNames::namespaced), "") << "nothing of others";
  EXPECT_EQ(found("chat.team-a", "team-b", ServiceNames::namespaced), "");
  EXPECT_EQ((ServiceChoice{"x", "y", ServiceNames::plain}.missing()), "no service 'x.y' or 'x'");
}

TEST(ServiceChoice, followsAServiceThatMoves) {
  ServiceChoice choice("chat", "a", ServiceNames::plain);
  FleetView view{.services = {view_of("code"), view_of("chat")}};
  EXPECT_EQ(choice.find(view), &view.services[1]);
  std::swap(view.services[0], view.services[1]);
  EXPECT_EQ(choice.find(view), &view.services[0]);
  view.services.clear();
  EXPECT_EQ(choice.find(view), nullptr);
}

}  // namespace
}  // namespace tidegate
