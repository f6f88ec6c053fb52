#include "edge/gateway/balancer.h"

#include <gtest/gtest.h>

#include "edge/gateway/gateway_stats.h"
#include "edge/gateway/router.h"

namespace tidegate {
namespace {

int pick(const std::vector<ReplicaLoad>& loads, int preferred = -1, int avoid = -1) {
  std::vector<const ReplicaLoad*> pointers;
  for (const auto& load : loads) pointers.push_back(&load);
  return pick_replica(pointers, instant_at(100), preferred, avoid);
}

TEST(Balancer, PicksTheLeastOutstandingWorkForItsSlots) {
  EXPECT_EQ(pick({{.slots = 4, .in_flight = 3}, {.slots = 4, .in_flight = 1}, {.slots = 4, .in_flight = 2}}), 1);
  EXPECT_EQ(pick({{.slots = 4, .in_flight = 1}, {.slots = 8, .in_flight = 1}}), 1);
  EXPECT_EQ(pick({{.slots = 4, .in_flight = 2}, {.slots = 8, .in_flight = 4}}), 0);  // a tie: the smaller id
}

TEST(Balancer, GivesNothingToTheFullTheDrainingAndTheSuspect) {
  ReplicaLoad suspect{.slots = 4};
  suspect.failed(instant_at(99.9));
  EXPECT_EQ(pick({{.slots = 1, .in_flight = 1}, {.slots = 4, .draining = true}, suspect, {.slots = 0}}), -1);
  EXPECT_EQ(pick({{.slots = 1, .in_flight = 1}, {.slots = 4, .in_flight = 3}}), 1);
  EXPECT_EQ(pick({}), -1);
}

TEST(Balancer, SuspicionGrowsAndEndsWithASuccess) {
  ReplicaLoad load{.slots = 4};
  load.failed(instant_at(0));
  EXPECT_TRUE(load.has_slot(instant_at(0.25)));
  for (int i = 0; i < 20; ++i) load.failed(instant_at(0));
  EXPECT_FALSE(load.has_slot(instant_at(7.9)));
  EXPECT_TRUE(load.has_slot(instant_at(8)));
  load.succeeded();
  EXPECT_TRUE(load.has_slot(instant_at(0)));
}

TEST(Balancer, PrefersTheOneThatKnowsTheRequestWhileItHasASlot) {
  EXPECT_EQ(pick({{.slots = 4}, {.slots = 4, .in_flight = 3}}, 1), 1);
  EXPECT_EQ(pick({{.slots = 4}, {.slots = 4, .in_flight = 4}}, 1), 0);
}

TEST(Balancer, AvoidsTheOneThatJustFailedUnlessItIsTheOnlyOne) {
  EXPECT_EQ(pick({{.slots = 4}, {.slots = 4, .in_flight = 3}}, 0, 0), 1);
  EXPECT_EQ(pick({{.slots = 4}, {.slots = 4, .in_flight = 4}}, -1, 0), 0);
}

TEST(Affinity, FollowsTheLongestKnownPrefix) {
  AffinityTable table;
  const std::string first(1024, 'a');
  table.remember(AffinityKeys::of_prompt(first), 7);
  EXPECT_EQ(table.find(AffinityKeys::of_prompt(first + std::string(512, 'b'))), 7u);
  // Less than half in common is no reason.
  EXPECT_EQ(table.find(AffinityKeys::of_prompt(first + std::string(1500, 'b'))), 0u);
  EXPECT_EQ(table.find(AffinityKeys::of_prompt(std::string(1024, 'b'))), 0u);
  // Too short to tell.
  EXPECT_EQ(table.find(AffinityKeys::of_prompt("hello")), 0u);
  table.remember(AffinityKeys::of_prompt(first), 8);
  EXPECT_EQ(table.find(AffinityKeys::of_prompt(first)), 8u);
}

TEST(Affinity, FollowsASession) {
  AffinityTable table;
  table.remember(AffinityKeys::of_session("s1"), 3);
  EXPECT_EQ(table.find(AffinityKeys::of_session("s1")), 3u);
  EXPECT_EQ(table.find(AffinityKeys::of_session("s2")), 0u);
}

Route route(std::string service, MatchSpec match = {}) {
  Route made;
  made.service = std::move(service);
  made.match = std::move(match);
  return made;
}

TEST(Router, MatchesModelsHostsAndPaths) {
  const Router router(
      {.version = 1,
       .routes = {route("chat"), route("code", {.models = {"code", "code-lora"}}), route("api", {.path = "/api"}),
                  route("site", {.host = "site.example"}), route("deep", {.path = "/api/deep"})}});
  using enum Router::Answer;
  EXPECT_EQ(router.match("h", "/v1/x").answer, needs_model);
  EXPECT_EQ(router.match("h", "/v1/x", "chat").route, 0u);
  EXPECT_EQ(router.match("h", "/v1/x", "code-lora").route, 1u);
  EXPECT_EQ(router.match("h", "/v1/x", "nobody").answer, unknown);
  EXPECT_EQ(router.match("h", "/api").route, 2u);
  EXPECT_EQ(router.match("h", "/api/x").answer, found);
  EXPECT_EQ(router.match("h", "/apis").answer, needs_model);
  EXPECT_EQ(router.match("h", "/api/deep/x").route, 4u);
  EXPECT_EQ(router.match("Site.Example:8080", "/").route, 3u);
  EXPECT_EQ(router.models(), (std::vector<std::string>{"chat", "code", "code-lora", "api", "site", "deep"}));
}

TEST(LatencyTally, BucketsAreInclusiveAboveAndAscend) {
  for (std::size_t i = 0; i + 1 < LatencyTally::buckets; ++i) {
    EXPECT_LT(LatencyTally::upper(i), LatencyTally::upper(i + 1));
    EXPECT_EQ(LatencyTally::bucket_of(from_seconds(LatencyTally::upper(i))), i);
    EXPECT_EQ(LatencyTally::bucket_of(from_seconds(LatencyTally::upper(i)) + 1ns), i + 1);
  }
  EXPECT_EQ(LatencyTally::bucket_of(Duration::max()), LatencyTally::buckets - 1);
  EXPECT_EQ(LatencyTally::bucket_of(-1s), 0u);
  LatencyTally tally;
  tally.record(1s);
  tally.record(2s, 3);
  const Histogram histogram = tally.read(9);
  EXPECT_EQ(histogram.buckets.back().cumulative, 4);
  EXPECT_DOUBLE_EQ(histogram.sum, 7);
  EXPECT_EQ(histogram.epoch, 9u);
}

}  // namespace
}  // namespace tidegate
