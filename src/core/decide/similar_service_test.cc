#include "core/decide/similar_service.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/capacity/capacity.h"

namespace tidegate {
namespace {

ServiceSpec service(const std::string& name, const std::string& profile) {
  ServiceSpec spec{.name = name};
  spec.pools = {PoolSpec{.name = name + "-pool", .gpus = 1, .capacity = {.profile = profile}}};
  return spec;
}

// Eight requests a replica, two seconds each.
ServiceState measured(const std::string& pool, int minutes, double missed_share = 0) {
  ServiceState state;
  PoolMemory& memory = state.pools[pool];
  for (int i = 0; i < minutes * 60; ++i)
    observe(memory.capacity, instant_at(i),
            {.interval = 1s,
             .ready = 2,
             .in_flight = 16,
             .completions = 8,
             .judged = 8,
             .missed = 8 * missed_share,
             .latency_known = true});
  for (int i = 0; i < minutes; ++i) observe(memory.cold_starts, 90s);
  return state;
}

TEST(SimilarService, an_alike_one_teaches_capacity_and_cold_starts) {
  const auto spec = service("chat", "llama-h100");
  const auto state = measured("chat-pool", 30);
  const auto added = service("search", "llama-h100");
  const auto taught = taught_by(std::vector{KnownService{spec, state}}, added);
  ASSERT_TRUE(taught.pools.contains("search-pool"));
  EXPECT_EQ(taught.teachers, std::set<std::string>{"chat"});
  const PoolMemory& memory = taught.pools.at("search-pool");
  EXPECT_EQ(cold_start_quantile(memory.cold_starts, std::nullopt, 0.5), 90s);
  const Capacity known = capacity(memory.capacity, added.pools[0], added.slo);
  EXPECT_EQ(known.basis, CapacityBasis::learned);
  EXPECT_NEAR(known.residence(8), 2, 0.05);
}

TEST(SimilarService, own_evidence_soon_weighs_more) {
  const auto spec = service("chat", "llama-h100");
  const auto state = measured("chat-pool", 24 * 60);
  const auto added = service("search", "llama-h100");
  auto taught = taught_by(std::vector{KnownService{spec, state}}, added);
  PoolMemory& memory = taught.pools.at("search-pool");
  // Its requests are four times as long.
  for (int i = 0; i < 600; ++i)
    observe(memory.capacity, instant_at(i), {.interval = 1s, .ready = 2, .in_flight = 16, .completions = 2});
  EXPECT_NEAR(capacity(memory.capacity, added.pools[0], added.slo).residence(8), 8, 0.8);
}

TEST(SimilarService, what_missed_the_others_promise_is_left_behind) {
  const auto spec = service("chat", "llama-h100");
  const auto state = measured("chat-pool", 30, 0.5);
  const auto taught = taught_by(std::vector{KnownService{spec, state}}, service("search", "llama-h100"));
  for (const ConcurrencyBin& bin : taught.pools.at("search-pool").capacity.by_concurrency) {
    EXPECT_EQ(bin.judged, 0);
    EXPECT_EQ(bin.missed, 0);
  }
}

TEST(SimilarService, the_one_most_was_measured_of_teaches) {
  const auto little = service("little", "llama-h100");
  const auto much = service("much", "llama-h100");
  const auto little_known = measured("little-pool", 5);
  const auto much_known = measured("much-pool", 50);
  const std::vector<KnownService> fleet{{little, little_known}, {much, much_known}};
  EXPECT_EQ(taught_by(fleet, service("search", "llama-h100")).teachers, std::set<std::string>{"much"});
}

TEST(SimilarService, another_replica_teaches_nothing) {
  const auto spec = service("chat", "llama-h100");
  const auto state = measured("chat-pool", 30);
  const std::vector<KnownService> fleet{{spec, state}};
  EXPECT_TRUE(taught_by(fleet, service("search", "qwen-h100")).pools.empty());
  auto halved = service("search", "llama-h100");
  halved.pools[0].gpus = 0;
  halved.pools[0].gpu_share = 0.5;
  EXPECT_TRUE(taught_by(fleet, halved).pools.empty());
  EXPECT_TRUE(taught_by(fleet, service("search", "")).pools.empty());
}

TEST(SimilarService, without_profiles_the_same_command_is_the_same_replica) {
  PoolSpec one{.gpus = 1, .target = ProcessTargetSpec{.command = {"vllm", "serve", "llama", "--port", "{port}"}}};
  PoolSpec other = one;
  EXPECT_TRUE(are_alike(one, other));
  std::get<ProcessTargetSpec>(other.target).command[2] = "qwen";
  EXPECT_FALSE(are_alike(one, other));
  other = one;
  std::get<ProcessTargetSpec>(other.target).weights = "/models/other";
  EXPECT_FALSE(are_alike(one, other));
  EXPECT_FALSE(are_alike(PoolSpec{}, PoolSpec{}));  // nothing says what they run
}

TEST(SimilarService, nobody_measured_teaches_nobody) {
  const auto spec = service("chat", "llama-h100");
  ServiceState state;
  state.pools["chat-pool"] = {};
  EXPECT_TRUE(taught_by(std::vector{KnownService{spec, state}}, service("search", "llama-h100")).pools.empty());
}

}  // namespace
}  // namespace tidegate
