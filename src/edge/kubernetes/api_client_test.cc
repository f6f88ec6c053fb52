// The client against a server in memory: what it sends, how it takes refusals, when it tries again.
#include "edge/kubernetes/api_client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "edge/kubernetes/discovery.h"
#include "edge/kubernetes/testing/fake_api_server.h"
#include "edge/machine/file_descriptor.h"
#include "edge/net/testing/tls_test_server.h"

namespace tidegate {
namespace {

const ObjectRef code{resources::deployments, {"default", "code"}};

Json deployment(const std::string& name, int replicas) {
  return {{"metadata", {{"name", name}, {"namespace", "default"}, {"labels", {{"app", name}}}}},
          {"spec", {{"replicas", replicas}, {"selector", {{"matchLabels", {{"app", name}}}}}}},
          {"status", {{"replicas", replicas}}}};
}

class ApiClientTest : public testing::Test {
 protected:
  ApiClientOptions quick() {
    return {.timeout = 5s, .deadline = 10s, .retries = {.backoff = {.first = 1ms, .longest = 5ms}}};
  }
  // The next so many requests get this answer.
  void refuse(int count, FakeApiAnswer answer) {
    server_.intercept([left = std::make_shared<std::atomic<int>>(count),
                       answer](const FakeApiRequest&) -> std::optional<FakeApiAnswer> {
      if (left->fetch_sub(1) > 0) return answer;
      return std::nullopt;
    });
  }

  FakeApiServer server_;
  SteadyClock clock_;
  Cluster cluster_{server_.access(), clock_, {.requests_per_second = 10'000, .requests_burst = 10'000}};
  ApiClient client_{cluster_, quick()};
};

TEST_F(ApiClientTest, ReadsWhatIsThereAndSaysWhatIsNot) {
  server_.put(resources::deployments, deployment("code", 3));
  const auto object = client_.get(code);
  ASSERT_TRUE(object) << object.error().message;
  EXPECT_EQ(integer_field(*object, {"spec", "replicas"}), 3);
  const auto missing = client_.get({resources::deployments, {"default", "other"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, ApiReason::not_found);
  EXPECT_EQ(
      missing.error().message,
      "GET /apis/apps/v1/namespaces/default/deployments/other: answered 404: deployments.apps \"other\" not found");
  EXPECT_EQ(server_.count("GET"), 2u);
}

TEST_F(ApiClientTest, ListsPageByPage) {
  for (int i = 0; i < 23; ++i) server_.put(resources::deployments, deployment(fmt::format("d{:02}", i), i));
  std::vector<std::string> names;
  const auto take = [&](JsonView object) { names.emplace_back(text_field(object, {"metadata", "name"})); };
  const auto version = client_.list({.type = resources::deployments, .space = "default"}, take, {}, 5);
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_FALSE(version->empty());
  ASSERT_EQ(names.size(), 23u);
  EXPECT_EQ(names.back(), "d22");
  EXPECT_EQ(server_.count("GET"), 5u);
  names.clear();
  ASSERT_TRUE(client_.list({.type = resources::deployments, .label_selector = "app=d07"}, take));
  EXPECT_EQ(names, std::vector<std::string>{"d07"});
  names.clear();
  ASSERT_TRUE(client_.list({.type = resources::deployments, .field_selector = "metadata.name!=d07"}, take));
  EXPECT_EQ(names.size(), 22u);
}

TEST_F(ApiClientTest, APageThatIsTooOldIsExpired) {
  for (int i = 0; i < 4; ++i) server_.put(resources::deployments, deployment(fmt::format("d{}", i), i));
  int seen = 0;
  const auto version = client_.list(
      {.type = resources::deployments},
      [&](JsonView) {
        if (++seen == 2) server_.forget_history();
      },
      {}, 2);
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().reason, ApiReason::expired);
}

TEST_F(ApiClientTest, CreatesReplacesAndDeletes) {
  const auto created = client_.create(resources::deployments, "default", deployment("code", 1));
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(client_.create(resources::deployments, "default", deployment("code", 1)).error().reason,
            ApiReason::already_exists);
  Json changed = *created;
  changed["spec"]["replicas"] = 2;
  const auto updated = client_.update(code, changed);
  ASSERT_TRUE(updated) << updated.error().message;
  // As it was read before: somebody wrote it since.
  EXPECT_EQ(client_.update(code, changed).error().reason, ApiReason::conflict);
  const std::string uid = text_field(*updated, {"metadata", "uid"});
  EXPECT_EQ(client_.remove(code, {.uid = "another"}).error().reason, ApiReason::conflict);
  EXPECT_EQ(client_.remove(code, {.resource_version = "1"}).error().reason, ApiReason::conflict);
  EXPECT_TRUE(client_.remove(code, {.uid = uid}));
  EXPECT_EQ(client_.remove(code).error().reason, ApiReason::not_found);
}

TEST_F(ApiClientTest, PatchesInThreeWays) {
  server_.put(resources::deployments, deployment("code", 1));
  const auto version = [&] { return text_field(*client_.get(code), {"metadata", "resourceVersion"}); };
  ASSERT_TRUE(client_.patch(code, JsonPatch{}.test({"spec", "replicas"}, 1).replace({"spec", "replicas"}, 2)));
  const auto failed = client_.patch(code, JsonPatch{}.test({"spec", "replicas"}, 1).replace({"spec", "replicas"}, 3));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason, ApiReason::invalid);
  ASSERT_TRUE(client_.merge(code, {{"metadata", {{"annotations", {{"a", "b"}}}, {"resourceVersion", version()}}}}));
  EXPECT_EQ(client_.merge(code, {{"metadata", {{"resourceVersion", "1"}}}}).error().reason, ApiReason::conflict);
  const auto object = client_.get(code);
  EXPECT_EQ(integer_field(*object, {"spec", "replicas"}), 2);
  EXPECT_EQ(text_field(*object, {"metadata", "annotations", "a"}), "b");
}

TEST_F(ApiClientTest, AppliesAndRespectsOtherOwners) {
  const Json ours{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"spec", {{"replicas", 4}}}};
  ASSERT_TRUE(client_.apply(code, ours));
  server_.edit(code, [](Json& object) { object["spec"]["replicas"] = 9; }, "kubectl");
  const auto refused = client_.apply(code, ours);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, ApiReason::conflict);
  EXPECT_TRUE(refused.error().message.contains("kubectl")) << refused.error().message;
  const auto forced = client_.apply(code, ours, {.force = true});
  ASSERT_TRUE(forced) << forced.error().message;
  EXPECT_EQ(integer_field(*forced, {"spec", "replicas"}), 4);
}

TEST_F(ApiClientTest, ScalesWhatWasRead) {
  server_.put(resources::deployments, deployment("code", 3));
  const auto scale = client_.scale(code);
  ASSERT_TRUE(scale) << scale.error().message;
  EXPECT_EQ(scale->replicas, 3);
  EXPECT_EQ(scale->selector, "app=code");
  const auto raised = client_.set_scale(code, 5, scale->resource_version);
  ASSERT_TRUE(raised) << raised.error().message;
  EXPECT_EQ(raised->replicas, 5);
  EXPECT_EQ(client_.set_scale(code, 6, scale->resource_version).error().reason, ApiReason::conflict);
  EXPECT_EQ(client_.set_scale(code, 0, raised->resource_version)->replicas, 0);
  const auto negative = client_.set_scale(code, -1, "");
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error().reason, ApiReason::invalid);
  ASSERT_EQ(negative.error().causes.size(), 1u);
  EXPECT_EQ(negative.error().causes[0].field, "spec.replicas");
  EXPECT_EQ(client_.scale({resources::pods, {"default", "x"}}).error().reason, ApiReason::not_found);
}

TEST_F(ApiClientTest, AStatusIsWrittenApart) {
  server_.put(resources::deployments, deployment("code", 3));
  ASSERT_TRUE(
      client_.merge(code, {{"status", {{"replicas", 9}}}, {"spec", {{"replicas", 9}}}}, {.subresource = "status"}));
  const auto object = client_.get(code);
  EXPECT_EQ(integer_field(*object, {"spec", "replicas"}), 3);
  EXPECT_EQ(integer_field(*object, {"status", "replicas"}), 9);
}

TEST_F(ApiClientTest, TroubleIsTriedAgainWhereThatIsHarmless) {
  server_.put(resources::deployments, deployment("code", 3));
  refuse(3, {.status = 503, .body = "overloaded"});
  EXPECT_TRUE(client_.get(code));
  EXPECT_EQ(server_.count("GET"), 4u);
  refuse(4, {.status = 500, .body = "broken"});
  EXPECT_EQ(client_.get(code).error().reason, ApiReason::unavailable);
  refuse(1, {.status = 503, .body = "overloaded"});
  const std::size_t before = server_.count("PUT");
  EXPECT_EQ(client_.set_scale(code, 5, "").error().reason, ApiReason::unavailable);
  EXPECT_EQ(server_.count("PUT"), before + 1);
  refuse(1, {.status = 429, .body = "", .headers = "Retry-After: 0\r\n"});
  EXPECT_TRUE(client_.set_scale(code, 5, ""));
  EXPECT_EQ(server_.count("PUT"), before + 3);
}

TEST_F(ApiClientTest, RetryAfterIsObeyedAndNotBeyondTheCallsPatience) {
  server_.put(resources::deployments, deployment("code", 3));
  refuse(1, {.status = 429, .body = "", .headers = "Retry-After: 1\r\n"});
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(client_.get(code));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 1s);
  refuse(1, {.status = 429, .body = "", .headers = "Retry-After: 600\r\n"});
  const auto refused = client_.get(code);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after, Duration{600s});
}

TEST_F(ApiClientTest, OurOwnRateIsBound) {
  Cluster slow{server_.access(), clock_, {.requests_per_second = 20, .requests_burst = 2}};
  ApiClient client{slow, quick()};
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 6; ++i) static_cast<void>(client.get(code));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 190ms);
  ApiClient urgent{slow, {.is_rate_limited = false}};
  for (int i = 0; i < 50; ++i) static_cast<void>(urgent.get(code));
  Cluster slowest{server_.access(), clock_, {.requests_per_second = 0.001, .requests_burst = 1}};
  ApiClient hasty{slowest, quick()};
  static_cast<void>(hasty.get(code));
  const auto late = hasty.get(code);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, ApiReason::too_many_requests);
  EXPECT_TRUE(late.error().message.contains("our own rate limit")) << late.error().message;
}

TEST_F(ApiClientTest, ARefusedTokenIsReadAgainOnce) {
  const std::string path = testing::TempDir() + "api_client_token";
  ASSERT_TRUE(replace_file(path, "old"));
  server_.require_token("new");
  ClusterAccess access = server_.access();
  access.login = TokenFile{path};
  Cluster cluster{access, clock_};
  ApiClient client{cluster, quick()};
  const auto refused = client.get(code);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, ApiReason::unauthorized);
  EXPECT_EQ(server_.count("GET"), 1u);
  ASSERT_TRUE(replace_file(path, "new"));
  EXPECT_EQ(client.get(code).error().reason, ApiReason::not_found);
  EXPECT_EQ(server_.count("GET"), 3u);
  std::filesystem::remove(path);
}

TEST_F(ApiClientTest, WhatIsNoApiServerIsNamed) {
  refuse(100, {.body = "<html>welcome</html>"});
  EXPECT_EQ(client_.get(code).error().reason, ApiReason::garbled);
  const auto list = client_.list({.type = resources::pods}, [](JsonView) {});
  ASSERT_FALSE(list);
  EXPECT_TRUE(list.error().message.contains("does the address lead to a Kubernetes API server?"));
}

TEST_F(ApiClientTest, FindsCustomKinds) {
  const ResourceType sets{"leaderworkerset.x-k8s.io", "v1", "leaderworkersets", "LeaderWorkerSet"};
  EXPECT_EQ(discover(client_, "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet").error().reason, ApiReason::not_found);
  const auto deployments = discover(client_, "", "deploy");
  ASSERT_TRUE(deployments) << deployments.error().message;
  EXPECT_EQ(deployments->type, resources::deployments);
  EXPECT_TRUE(deployments->has_scale);
  const auto missing = discover(client_, "", "Unicorn");
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().message.contains("no kind Unicorn in any group")) << missing.error().message;
  EXPECT_EQ(discover(client_, "a/b/c", "X").error().reason, ApiReason::invalid);

  server_.serve({.type = sets, .singular = "leaderworkerset", .short_names = {"lws"}, .has_scale = true});
  // That it is missing is remembered for a while; for another cluster object it is not.
  Cluster fresh{server_.access(), clock_};
  ApiClient client{fresh, quick()};
  for (const char* version : {"", "leaderworkerset.x-k8s.io/v1"}) {
    const auto found = discover(client, version, "LeaderWorkerSet");
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->type, sets);
    EXPECT_TRUE(found->has_scale);
  }
  const std::size_t asked = server_.count("GET");
  ASSERT_TRUE(discover(client, "leaderworkerset.x-k8s.io/v1", "lws"));
  EXPECT_EQ(server_.count("GET"), asked);
  ASSERT_TRUE(client.create(sets, "default", {{"metadata", {{"name", "big"}}}, {"spec", {{"replicas", 2}}}}));
  EXPECT_EQ(client.set_scale({sets, {"default", "big"}}, 3, "")->replicas, 3);

  server_.serve({.type = {"other.io", "v1", "leaderworkersets", "LeaderWorkerSet"}});
  Cluster third{server_.access(), clock_};
  ApiClient confused{third, quick()};
  const auto ambiguous = discover(confused, "", "LeaderWorkerSet");
  ASSERT_FALSE(ambiguous);
  EXPECT_TRUE(ambiguous.error().message.contains("say which with api_version")) << ambiguous.error().message;
}

TEST(ApiClientTls, VerifiesAndShowsItsCertificate) {
  const TestAuthority authority{"cluster"};
  const TestCertificate own = authority.issue("apiserver", {"IP:127.0.0.1"});
  const TestCertificate ours = authority.issue("alice", {});
  const TlsTestServer server{own, authority.certificate(), [](const TlsRequest& request) {
                               const std::string body =
                                   Json{{"kind", "Pod"}, {"metadata", {{"name", request.peer}}}}.dump();
                               return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
                             }};
  const SteadyClock clock;
  ClusterAccess access{.origin = "test",
                       .server = server.url("127.0.0.1", ""),
                       .authorities = {.text = authority.certificate()},
                       .certificate = {.text = ours.certificate},
                       .key = {.text = ours.key}};
  Cluster cluster{access, clock};
  ApiClient client{cluster};
  const auto object = client.get({resources::pods, {"default", "x"}});
  ASSERT_TRUE(object) << object.error().message;
  EXPECT_EQ(text_field(*object, {"metadata", "name"}), "alice");
  access.authorities = {.text = TestAuthority{"another"}.certificate()};
  Cluster wrong{access, clock};
  ApiClient wary{wrong};
  EXPECT_EQ(wary.get({resources::pods, {"default", "x"}}).error().reason, ApiReason::untrusted);
}

}  // namespace
}  // namespace tidegate
