// The client against a real API server: what a server in memory can only pretend. tests/kubernetes starts one and runs
// this; by itself it skips.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "edge/kubernetes/discovery.h"
#include "edge/kubernetes/event_recorder.h"
#include "edge/kubernetes/kubeconfig.h"
#include "edge/kubernetes/leader_lease.h"
#include "edge/kubernetes/object_cache.h"
#include "edge/machine/system_clock.h"
#include "edge/net/testing/test_sockets.h"

namespace tidegate {
namespace {

const ResourceType config_maps{.plural = "configmaps", .kind = "ConfigMap"};
const ResourceType namespaces{.plural = "namespaces", .kind = "Namespace", .namespaced = false};
const ResourceType definitions{.group = "apiextensions.k8s.io",
                               .version = "v1",
                               .plural = "customresourcedefinitions",
                               .kind = "CustomResourceDefinition",
                               .namespaced = false};

// Of whatever kind: that a copy is there and how it is numbered.
struct ConfigFacts {
  std::string value;
};
std::optional<ConfigFacts> config_facts(JsonView object) {
  return ConfigFacts{.value = std::string{text_field(object, {"data", "value"})}};
}

class RealCluster : public testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("TIDEGATE_TEST_KUBECONFIG");
    if (path == nullptr) GTEST_SKIP() << "TIDEGATE_TEST_KUBECONFIG names no cluster for tests";
    auto access = kubeconfig_access(path, {});
    ASSERT_TRUE(access) << access.error().message;
    cluster_ = std::make_unique<Cluster>(std::move(*access), clock_,
                                         ClusterOptions{.requests_per_second = 500, .requests_burst = 500});
    client_ = std::make_unique<ApiClient>(*cluster_);
    const auto made = client_->create(namespaces, "", {{"metadata", {{"generateName", "client-"}}}});
    ASSERT_TRUE(made) << made.error().message;
    space_ = text_field(*made, {"metadata", "name"});
  }
  void TearDown() override {
    if (!space_.empty()) static_cast<void>(client_->remove({namespaces, {"", space_}}));
  }

  [[nodiscard]] ObjectRef ref(const ResourceType& type, const std::string& name) const {
    return {type, {space_, name}};
  }
  static Json config(const std::string& name, const std::string& value) {
    return {{"metadata", {{"name", name}, {"labels", {{"app", "x"}}}}}, {"data", {{"value", value}}}};
  }
  static Json deployment(const std::string& name, int replicas) {
    return {{"apiVersion", "apps/v1"},
            {"kind", "Deployment"},
            {"metadata", {{"name", name}}},
            {"spec",
             {{"replicas", replicas},
              {"selector", {{"matchLabels", {{"app", name}}}}},
              {"template",
               {{"metadata", {{"labels", {{"app", name}}}}},
                {"spec", {{"containers", {{{"name", "server"}, {"image", "model-server"}}}}}}}}}}};
  }

  SystemClock clock_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<ApiClient> client_;
  std::string space_;
};

TEST_F(RealCluster, ObjectsAreWrittenAndRefusedAsPromised) {
  const ObjectRef one = ref(config_maps, "one");
  const auto created = client_->create(config_maps, space_, config("one", "a"));
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(client_->create(config_maps, space_, config("one", "a")).error().reason, ApiReason::already_exists);
  EXPECT_EQ(client_->get(ref(config_maps, "two")).error().reason, ApiReason::not_found);

  Json changed = *created;
  changed["data"]["value"] = "b";
  ASSERT_TRUE(client_->update(one, changed));
  EXPECT_EQ(client_->update(one, changed).error().reason, ApiReason::conflict);
  const std::string stale = text_field(*created, {"metadata", "resourceVersion"});
  EXPECT_EQ(
      client_->merge(one, {{"metadata", {{"resourceVersion", stale}}}, {"data", {{"value", "c"}}}}).error().reason,
      ApiReason::conflict);
  ASSERT_TRUE(client_->patch(one, JsonPatch{}.test({"data", "value"}, "b").replace({"data", "value"}, "c")));
  EXPECT_EQ(
      client_->patch(one, JsonPatch{}.test({"data", "value"}, "b").replace({"data", "value"}, "d")).error().reason,
      ApiReason::invalid);
  // Tried, and not kept.
  ASSERT_TRUE(client_->merge(one, {{"data", {{"value", "e"}}}}, {.is_dry = true}));
  EXPECT_EQ(text_field(*client_->get(one), {"data", "value"}), "c");

  const std::string uid = text_field(*created, {"metadata", "uid"});
  EXPECT_EQ(client_->remove(one, {.uid = "12345678-1234-1234-1234-123456789012"}).error().reason, ApiReason::conflict);
  EXPECT_EQ(client_->remove(one, {.uid = uid, .resource_version = stale}).error().reason, ApiReason::conflict);
  EXPECT_TRUE(client_->remove(one, {.uid = uid}));
}

TEST_F(RealCluster, AnInvalidObjectIsRefusedWithTheFieldsAtFault) {
  const auto negative = client_->create(resources::deployments, space_, deployment("code", -1));
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error().reason, ApiReason::invalid);
  ASSERT_FALSE(negative.error().causes.empty());
  EXPECT_EQ(negative.error().causes[0].field, "spec.replicas");
  Json odd = deployment("code", 1);
  odd["spec"]["replica"] = 2;
  const auto unknown = client_->create(resources::deployments, space_, odd, {.is_strict = true});
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().message.contains("spec.replica")) << unknown.error().message;
}

TEST_F(RealCluster, FieldsHaveOwners) {
  const ObjectRef code = ref(resources::deployments, "code");
  ASSERT_TRUE(client_->apply(code, deployment("code", 2), {.field_manager = "gitops"}));
  const Json ours{
      {"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"metadata", {{"name", "code"}}}, {"spec", {{"replicas", 0}}}};
  const auto refused = client_->apply(code, ours);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, ApiReason::conflict);
  EXPECT_TRUE(refused.error().message.contains("gitops")) << refused.error().message;
  ASSERT_FALSE(refused.error().causes.empty());
  EXPECT_EQ(refused.error().causes[0].field, ".spec.replicas");
  const auto taken = client_->apply(code, ours, {.force = true});
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(integer_field(*taken, {"spec", "replicas"}), 0);
}

TEST_F(RealCluster, ScalesADeploymentAsItWasRead) {
  const ObjectRef code = ref(resources::deployments, "code");
  ASSERT_TRUE(client_->create(resources::deployments, space_, deployment("code", 0)));
  const auto scale = client_->scale(code);
  ASSERT_TRUE(scale) << scale.error().message;
  EXPECT_EQ(scale->selector, "app=code");
  const auto raised = client_->set_scale(code, 2, scale->resource_version);
  ASSERT_TRUE(raised) << raised.error().message;
  EXPECT_EQ(raised->replicas, 2);
  const auto stale = client_->set_scale(code, 3, scale->resource_version);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().reason, ApiReason::conflict);
  const auto object = client_->get(code);
  ASSERT_TRUE(object);
  // Who wrote it stands there, and by which door.
  bool is_named = false;
  for (const Json& owner : (*object)["metadata"]["managedFields"])
    if (owner["manager"] == "tidegate" && text_field(owner, {"subresource"}) == "scale") is_named = true;
  EXPECT_TRUE(is_named) << (*object)["metadata"]["managedFields"].dump();
  EXPECT_TRUE(eventually([&] { return client_->scale(code)->status_replicas == 2; }));
}

TEST_F(RealCluster, CustomKindsAreFoundAndScaled) {
  const std::string plural = space_ + "s";  // a kind of its own for every run
  const std::string group = "tests.tidegate.dev";
  const Json schema = Json::parse(R"({"type": "object", "properties": {
      "spec": {"type": "object", "properties": {"size": {"type": "integer", "minimum": 0}}},
      "status": {"type": "object", "properties": {"size": {"type": "integer"}, "selector": {"type": "string"}}}}})");
  const Json names{{"plural", plural}, {"singular", space_}, {"kind", "Crew"}, {"listKind", "CrewList"}};
  const Json version{{"name", "v1"},
                     {"served", true},
                     {"storage", true},
                     {"schema", {{"openAPIV3Schema", schema}}},
                     {"subresources",
                      {{"status", Json::object()},
                       {"scale",
                        {{"specReplicasPath", ".spec.size"},
                         {"statusReplicasPath", ".status.size"},
                         {"labelSelectorPath", ".status.selector"}}}}}};
  const Json definition{
      {"metadata", {{"name", plural + "." + group}}},
      {"spec", {{"group", group}, {"scope", "Namespaced"}, {"names", names}, {"versions", {version}}}}};
  ASSERT_TRUE(client_->create(definitions, "", definition));
  ApiResult<ServedType> found;
  ASSERT_TRUE(eventually([&] {
    Cluster fresh{cluster_->access(), clock_};
    ApiClient client{fresh};
    found = discover(client, group + "/v1", plural);
    return found && found->has_scale;
  })) << found.error().message;
  EXPECT_EQ(found->type, (ResourceType{group, "v1", plural, "Crew", true}));
  Cluster fresh{cluster_->access(), clock_};
  ApiClient client{fresh};
  EXPECT_EQ(discover(client, "", plural)->type, found->type);

  const ObjectRef crew = ref(found->type, "crew");
  ApiResult<Json> made;
  ASSERT_TRUE(eventually([&] {
    made = client_->create(
        found->type, space_,
        {{"apiVersion", group + "/v1"}, {"kind", "Crew"}, {"metadata", {{"name", "crew"}}}, {"spec", {{"size", 1}}}});
    return made.has_value();
  })) << made.error().message;
  const auto scale = client_->scale(crew);
  ASSERT_TRUE(scale) << scale.error().message;
  EXPECT_EQ(scale->replicas, 1);
  const auto raised = client_->set_scale(crew, 4, scale->resource_version);
  ASSERT_TRUE(raised) << raised.error().message;
  EXPECT_EQ(integer_field(*client_->get(crew), {"spec", "size"}), 4);
  EXPECT_EQ(client_->set_scale(crew, 5, scale->resource_version).error().reason, ApiReason::conflict);
  ASSERT_TRUE(client_->merge(crew, {{"status", {{"size", 4}, {"selector", "a=b"}}}}, {.subresource = "status"}));
  EXPECT_EQ(client_->scale(crew)->selector, "a=b");
  const auto wrong = client_->merge(crew, {{"spec", {{"size", -1}}}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().causes.at(0).field, "spec.size");
  static_cast<void>(client_->remove({definitions, {"", plural + "." + group}}));
}

TEST_F(RealCluster, ListsInPagesAndFollows) {
  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(client_->create(config_maps, space_, config(fmt::format("c{:02}", i), std::to_string(i))));
  int listed = 0;
  const ObjectSelection selection{.type = config_maps, .space = space_, .label_selector = "app=x"};
  const auto version = client_->list(selection, [&](JsonView) { ++listed; }, {}, 7);
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_EQ(listed, 30);

  std::mutex mutex;
  std::map<std::string, int> changes;
  // Watches of a second: most of what happens below happens while one ends and the next begins.
  const ObjectCache<ConfigFacts> cache{
      *cluster_, selection, config_facts, {.times = {.length = 1s}, .page = 7}, [&](const ObjectKey& key) {
        const std::lock_guard lock(mutex);
        ++changes[key.name];
      }};
  ASSERT_TRUE(cache.wait_until_synced(10s));
  EXPECT_EQ(cache.size(), 30u);
  for (int round = 0; round < 40; ++round) {
    ASSERT_TRUE(client_->merge(ref(config_maps, "c07"), {{"data", {{"value", fmt::format("r{}", round)}}}}));
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  ASSERT_TRUE(client_->remove(ref(config_maps, "c08")));
  ASSERT_TRUE(client_->create(config_maps, space_, config("new", "n")));
  EXPECT_TRUE(eventually([&] {
    return cache.size() == 30 && cache.find({space_, "new"}) && !cache.find({space_, "c08"}) &&
           cache.find({space_, "c07"})->object->value == "r39";
  })) << cache.health().problem;
  const auto health = cache.health();
  EXPECT_EQ(health.lists, 1u);
  EXPECT_GE(health.watches, 4u);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(changes["c07"], 41);  // none lost, none twice
  EXPECT_EQ(changes["c09"], 1);
}

TEST_F(RealCluster, AWatchFromLongAgoIsExpired) {
  WatchDecoder decoder;
  ApiResult<void> decoded;
  const auto how = client_->watch({.type = config_maps, .space = space_}, "1", 10s, 10s, [&](std::string_view bytes) {
    decoded = decoder.push(bytes, [](const WatchEvent&) {});
    return decoded.has_value();
  });
  const ApiError error = how ? decoded.error() : how.error();
  EXPECT_EQ(error.reason, ApiReason::expired) << error.message;
}

TEST_F(RealCluster, OneLeadsAtATime) {
  const LeaderLeaseOptions options{.lease = {space_, "leader"},
                                   .identity = unique_identity(),
                                   .times = {.duration = 4s, .renew_deadline = 3s, .retry_period = 500ms}};
  auto first = std::make_unique<LeaderLease>(*cluster_, options);
  ASSERT_TRUE(eventually([&] { return first->leads(); })) << first->view().problem;
  LeaderLeaseOptions others = options;
  others.identity = unique_identity();
  const LeaderLease second{*cluster_, others};
  std::this_thread::sleep_for(std::chrono::seconds{5});
  EXPECT_TRUE(first->leads());
  EXPECT_FALSE(second.leads());
  EXPECT_EQ(second.view().holder, options.identity);
  first.reset();
  const auto given_back = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return second.leads(); })) << second.view().problem;
  EXPECT_LT(std::chrono::steady_clock::now() - given_back, 3s);
  EXPECT_EQ(second.view().epoch, 2);
}

TEST_F(RealCluster, EventsAreThereForKubectlDescribe) {
  ASSERT_TRUE(client_->create(resources::deployments, space_, deployment("code", 0)));
  const auto object = client_->get(ref(resources::deployments, "code"));
  const ClusterEvent event{.object = ref(resources::deployments, "code"),
                           .uid = text_field(*object, {"metadata", "uid"}),
                           .type = EventType::warning,
                           .reason = "Conflict",
                           .action = "Scale",
                           .note = "somebody else scales it too"};
  {
    EventRecorder recorder{*cluster_, {.instance = "test", .flush_within = 10s}};
    for (int i = 0; i < 3; ++i) recorder.record(event);
    ASSERT_TRUE(eventually([&] { return recorder.tally().written == 1; })) << recorder.tally().problem;
  }
  // As the old API shows it, which is what kubectl describe reads.
  std::string said;
  std::int64_t count = 0;
  ASSERT_TRUE(client_->list({.type = {.plural = "events", .kind = "Event"},
                             .space = space_,
                             .field_selector = "involvedObject.name=code,reason=Conflict"},
                            [&](JsonView seen) {
                              said = text_field(seen, {"message"});
                              count = integer_field(seen, {"series", "count"}).value_or(1);
                            }));
  EXPECT_EQ(said, event.note);
  EXPECT_EQ(count, 3);
}

TEST_F(RealCluster, StrangersAreRefused) {
  ClusterAccess access = cluster_->access();
  access.certificate = {};
  access.key = {};
  access.login = TokenText{"nonsense"};
  Cluster unknown{access, clock_};
  ApiClient client{unknown};
  EXPECT_EQ(client.get(ref(config_maps, "x")).error().reason, ApiReason::unauthorized);
  access.login = {};
  Cluster anonymous{access, clock_};
  ApiClient nobody{anonymous};
  EXPECT_EQ(nobody.get(ref(config_maps, "x")).error().reason, ApiReason::forbidden);
  access.authorities = {};  // the system's do not know a cluster of ours
  Cluster wary{access, clock_};
  ApiClient careful{wary};
  EXPECT_EQ(careful.get(ref(config_maps, "x")).error().reason, ApiReason::untrusted);
}

}  // namespace
}  // namespace tidegate
