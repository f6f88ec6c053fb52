// The cache against a server in memory, with a proxy in between that cuts, delays, swallows and garbles.
#include "edge/kubernetes/object_cache.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "edge/kubernetes/testing/fake_api_server.h"
#include "edge/kubernetes/testing/fault_proxy.h"

namespace tidegate {
namespace {

struct PodFacts {
  std::string node;
  std::int64_t value = 0;
};

std::optional<PodFacts> facts_of(JsonView pod) {
  const auto value = integer_field(pod, {"spec", "value"});
  if (value == -1) return std::nullopt;
  return PodFacts{.node = std::string{text_field(pod, {"spec", "nodeName"})}, .value = value.value_or(0)};
}

Json pod(const std::string& name, int value, const std::string& app = "code") {
  return {{"metadata", {{"name", name}, {"namespace", "default"}, {"labels", {{"app", app}}}}},
          {"spec", {{"value", value}, {"nodeName", "n1"}}}};
}
ObjectKey key(const std::string& name) { return {.space = "default", .name = name}; }
ObjectRef ref(const std::string& name) { return {resources::pods, key(name)}; }

class ObjectCacheTest : public testing::Test {
 protected:
  using Cache = ObjectCache<PodFacts>;

  ObjectWatchOptions options() {
    return {.times = {.backoff = {.first = 5ms, .longest = 50ms}},
            .idle = 10s,
            .page = 7,
            .client = {.timeout = 5s, .retries = {.attempts_max = 1}}};
  }
  std::unique_ptr<Cache> follow(Cluster& cluster, const std::string& labels = "") {
    return std::make_unique<Cache>(
        cluster, ObjectSelection{.type = resources::pods, .space = "default", .label_selector = labels}, facts_of,
        options(), [this](const ObjectKey& changed) {
          const std::lock_guard lock(mutex_);
          ++changes_[changed.name];
        });
  }
  int changes(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return changes_[name];
  }
  // What the cache holds and the server has is the same.
  testing::AssertionResult is_current(const Cache& cache) {
    std::map<std::string, std::int64_t> theirs, ours;
    for (const Json& object : server_.all(resources::pods))
      if (object["spec"]["value"] != -1)
        theirs[object["metadata"]["name"]] = object["spec"]["value"].get<std::int64_t>();
    for (const auto& cached : cache.all()) ours[cached.key.name] = cached.object->value;
    if (ours == theirs) return testing::AssertionSuccess();
    return testing::AssertionFailure() << ours.size() << " cached, " << theirs.size() << " there";
  }
  testing::AssertionResult becomes_current(const Cache& cache) {
    if (eventually([&] { return static_cast<bool>(is_current(cache)); })) return testing::AssertionSuccess();
    return is_current(cache) << ": " << cache.health().problem;
  }

  std::mutex mutex_;
  std::map<std::string, int> changes_;
  FakeApiServer server_;
  SteadyClock clock_;
  ClusterOptions fast_{.requests_per_second = 10'000, .requests_burst = 10'000};
  Cluster cluster_{server_.access(), clock_, fast_};
};

TEST_F(ObjectCacheTest, FollowsWhatComesChangesAndGoes) {
  for (int i = 0; i < 20; ++i) server_.put(resources::pods, pod(fmt::format("p{:02}", i), i));
  const auto cache = follow(cluster_);
  ASSERT_TRUE(cache->wait_until_synced(10s));
  EXPECT_TRUE(is_current(*cache));
  ASSERT_TRUE(cache->find(key("p07")));
  EXPECT_EQ(cache->find(key("p07"))->object->value, 7);
  EXPECT_EQ(cache->find(key("p07"))->object->node, "n1");
  EXPECT_FALSE(cache->find(key("none")));

  const auto held = cache->find(key("p07"))->object;
  server_.put(resources::pods, pod("new", 1));
  server_.put(resources::pods, pod("p07", 70));
  server_.remove(ref("p08"));
  EXPECT_TRUE(becomes_current(*cache));
  EXPECT_EQ(held->value, 7);  // what was read does not change
  EXPECT_EQ(cache->find(key("p07"))->resource_version,
            text_field(*server_.find(ref("p07")), {"metadata", "resourceVersion"}));
  EXPECT_EQ(changes("p07"), 2);
  EXPECT_EQ(changes("p08"), 2);
  EXPECT_EQ(changes("p09"), 1);
  EXPECT_EQ(cache->health().lists, 1u);
  EXPECT_TRUE(cache->health().is_connected);
}

TEST_F(ObjectCacheTest, KeepsOnlyWhatIsSelectedAndWanted) {
  server_.put(resources::pods, pod("ours", 1));
  server_.put(resources::pods, pod("theirs", 1, "other"));
  server_.put(resources::pods, pod("unwanted", -1));
  const auto cache = follow(cluster_, "app=code");
  ASSERT_TRUE(cache->wait_until_synced(10s));
  EXPECT_EQ(cache->size(), 1u);
  server_.edit(ref("ours"), [](Json& object) { object["metadata"]["labels"]["app"] = "other"; });
  server_.put(resources::pods, pod("unwanted", 5));
  EXPECT_TRUE(eventually([&] { return !cache->find(key("ours")) && cache->find(key("unwanted")); }));
  server_.put(resources::pods, pod("unwanted", -1));
  EXPECT_TRUE(eventually([&] { return cache->size() == 0; }));
}

TEST_F(ObjectCacheTest, AWatchThatEndsGoesOnWithoutAList) {
  server_.put(resources::pods, pod("a", 1));
  const auto cache = follow(cluster_);
  ASSERT_TRUE(cache->wait_until_synced(10s));
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(eventually([&] { return server_.watches_open() == 1; }));
    server_.cut_watches();
    server_.put(resources::pods, pod(fmt::format("b{}", i), i));
    ASSERT_TRUE(becomes_current(*cache));
  }
  EXPECT_EQ(cache->health().lists, 1u);
  EXPECT_GE(cache->health().watches, 5u);
  EXPECT_EQ(changes("a"), 1);
}

TEST_F(ObjectCacheTest, ABookmarkMovesTheStartingPoint) {
  server_.put(resources::pods, pod("a", 1));
  const auto cache = follow(cluster_);
  ASSERT_TRUE(cache->wait_until_synced(10s));
  ASSERT_TRUE(eventually([&] { return server_.watches_open() == 1; }));
  // Much happens elsewhere; then the history up to there is forgotten.
  for (int i = 0; i < 10; ++i) server_.put(resources::nodes, {{"metadata", {{"name", fmt::format("n{}", i)}}}});
  server_.forget_history();
  const Instant before = cache->health().last_contact;
  server_.bookmark();
  ASSERT_TRUE(eventually([&] { return cache->health().last_contact > before; }));
  server_.cut_watches();
  ASSERT_TRUE(eventually([&] { return cache->health().watches >= 2 && server_.watches_open() == 1; }));
  server_.put(resources::pods, pod("b", 1));
  EXPECT_TRUE(becomes_current(*cache));
  EXPECT_EQ(cache->health().lists, 1u);
}

TEST_F(ObjectCacheTest, WhatIsTooOldIsListedAnew) {
  server_.put(resources::pods, pod("a", 1));
  server_.put(resources::pods, pod("b", 1));
  const auto cache = follow(cluster_);
  ASSERT_TRUE(cache->wait_until_synced(10s));
  ASSERT_TRUE(eventually([&] { return server_.watches_open() == 1; }));
  // While nobody watches, objects come and go, and how they did is forgotten.
  server_.intercept([](const FakeApiRequest&) { return FakeApiAnswer{.status = 503, .body = "away"}; });
  server_.cut_watches();
  ASSERT_TRUE(eventually([&] { return !cache->health().is_connected; }));
  EXPECT_TRUE(cache->health().is_synced);
  EXPECT_TRUE(eventually([&] { return cache->health().problem.contains("503"); })) << cache->health().problem;
  server_.remove(ref("a"));
  server_.put(resources::pods, pod("c", 1));
  server_.forget_history();
  server_.intercept({});
  EXPECT_TRUE(becomes_current(*cache));
  EXPECT_GE(cache->health().lists, 2u);
  EXPECT_EQ(changes("a"), 2);  // came and went
  EXPECT_EQ(changes("b"), 1);  // untouched by the second list
  EXPECT_EQ(changes("c"), 1);
}

TEST_F(ObjectCacheTest, WithoutContactItIsKnownToBeStale) {
  server_.put(resources::pods, pod("a", 1));
  const auto cache = follow(cluster_);
  EXPECT_TRUE(WatchHealth{}.is_stale(clock_.now(), 1h));
  ASSERT_TRUE(cache->wait_until_synced(10s));
  EXPECT_FALSE(cache->health().is_stale(clock_.now(), 10s));
  server_.intercept([](const FakeApiRequest&) { return FakeApiAnswer{.status = 503, .body = "away"}; });
  server_.cut_watches();
  ASSERT_TRUE(eventually([&] { return cache->health().is_stale(clock_.now(), 50ms); }));
  EXPECT_TRUE(cache->find(key("a")));  // known still
  server_.intercept({});
  EXPECT_TRUE(eventually([&] { return cache->health().is_connected && !cache->health().is_stale(clock_.now(), 10s); }));
}

TEST_F(ObjectCacheTest, ASelectionThatIsTooWideIsRefused) {
  for (int i = 0; i < 20; ++i) server_.put(resources::pods, pod(fmt::format("p{}", i), i));
  ObjectWatchOptions narrow = options();
  narrow.objects_max = 10;
  const Cache cache{cluster_, {.type = resources::pods}, facts_of, narrow};
  ASSERT_TRUE(eventually([&] { return cache.health().problem.contains("more than 10 objects"); }));
  EXPECT_FALSE(cache.health().is_synced);
}

TEST_F(ObjectCacheTest, ASilentWatchIsBegunAgain) {
  server_.put(resources::pods, pod("a", 1));
  // Whatever is said on the first two connections after 5,000 bytes gets lost on the way.
  FaultProxy proxy{server_.port(), [](int connection) {
                     return connection < 2 ? ConnectionFault{.mute_at = 5000} : ConnectionFault{};
                   }};
  ClusterAccess access = server_.access();
  access.server = fmt::format("http://127.0.0.1:{}", proxy.port());
  Cluster cluster{access, clock_, fast_};
  ObjectWatchOptions impatient = options();
  impatient.idle = 300ms;
  impatient.client.timeout = 300ms;
  const Cache cache{cluster, {.type = resources::pods, .space = "default"}, facts_of, impatient};
  ASSERT_TRUE(cache.wait_until_synced(10s));
  for (int i = 0; i < 60; ++i) server_.put(resources::pods, pod(fmt::format("p{}", i), i));
  EXPECT_TRUE(becomes_current(cache));
}

// Objects come, change and go while every connection breaks in its own way. In the end nothing is lost, nothing is
// there twice, and no object was seen to come or change more often than it did, but for what a new list tells again.
class ObjectCacheFaults : public ObjectCacheTest, public testing::WithParamInterface<int> {};

TEST_P(ObjectCacheFaults, NothingIsLostNorDoubled) {
  Prng chance{static_cast<std::uint64_t>(GetParam())};
  std::mutex mutex;
  std::atomic<bool> calm{false};
  FaultProxy proxy{server_.port(), [&](int) -> ConnectionFault {
                     const std::lock_guard lock(mutex);
                     if (calm) return {};
                     const std::size_t at = 200 + chance.below(6000);
                     const Duration delay = chance.below(2) == 0 ? 1ms : 0ms;
                     switch (chance.below(4)) {
                       case 0:
                         return {.cut_at = at, .delay = delay};
                       case 1:
                         return {.garble_every = at, .delay = delay};
                       case 2:
                         return {.refuses = true};
                       default:
                         return {.mute_at = at, .delay = delay};
                     }
                   }};
  ClusterAccess access = server_.access();
  access.server = fmt::format("http://127.0.0.1:{}", proxy.port());
  Cluster cluster{access, clock_, fast_};
  ObjectWatchOptions impatient = options();
  impatient.idle = 30ms;
  impatient.client.timeout = 60ms;
  impatient.times.backoff = {.first = 1ms, .longest = 10ms};
  std::map<std::string, std::int64_t> last_seen;  // by name; of the cache's thread
  std::atomic<int> backwards{0};
  Cache* the_cache = nullptr;
  std::atomic<bool> ready{false};
  Cache cache{
      cluster, {.type = resources::pods, .space = "default"}, facts_of, impatient, [&](const ObjectKey& changed) {
        while (!ready) std::this_thread::yield();
        const auto now = the_cache->find(changed);
        const std::int64_t value = now ? now->object->value : -1;
        // Values only grow: an old state that comes after a newer one would be a fault of ours.
        if (now && value < last_seen[changed.name]) ++backwards;
        if (now) last_seen[changed.name] = value;
      }};
  the_cache = &cache;
  ready = true;
  // A busy machine needs more rounds to meet as many faults.
  constexpr int faults = 10;
  for (int round = 0; round < 600 || (proxy.connections() < faults && round < 20000); ++round) {
    const std::string name = fmt::format("p{}", round % 17);
    if (round % 5 == 4 && server_.find(ref(name)))
      server_.remove(ref(name));
    else
      server_.put(resources::pods, pod(name, round));
    if (round % 40 == 39) server_.forget_history();
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  calm = true;
  EXPECT_TRUE(becomes_current(cache));
  EXPECT_EQ(backwards, 0);
  EXPECT_GE(proxy.connections(), faults);
  EXPECT_GE(cache.health().lists, 2u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ObjectCacheFaults, testing::Range(1, 7));

}  // namespace
}  // namespace tidegate
