#include "serve/manifests/permissions.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "edge/targets/cluster_needs.h"
#include "serve/import/manifests.h"

namespace tidegate {
namespace {

constexpr std::string_view models = R"yaml(
apiVersion: tidegate.dev/v1alpha1
kind: ScaledModel
metadata: {name: chat, namespace: prod}
spec:
  replicas: {min: 1, max: 4}
  signals: {queries: [{signal: queued, query: q, prometheus: {url: "http://p", bearer_token: {secret: prom, key: t}}}]}
  pools:
    - {name: a, target: {kubernetes: {deployment: chat-a}}}
    - {name: b, target: {kubernetes: {api_version: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, name: chat-b}}}
---
apiVersion: tidegate.dev/v1alpha1
kind: ScaledModel
metadata: {name: code, namespace: dev}
spec: {target: {kubernetes: {statefulset: code}}}
)yaml";

TEST(Permissions, are_by_name_for_the_scaled_models_given) {
  const auto services = permitted_services(std::string{models}, "f");
  ASSERT_TRUE(services) << services.error().message;
  const auto text = named_permissions(*services, {});
  EXPECT_TRUE(text.contains("resources: [deployments/scale]\n    resourceNames: [chat-a]\n    verbs: [get, update]"))
      << text;
  EXPECT_TRUE(text.contains("resources: [leaderworkersets/scale]\n    resourceNames: [chat-b]")) << text;
  EXPECT_TRUE(text.contains("resources: [secrets]\n    resourceNames: [prom]\n    verbs: [get]")) << text;
  EXPECT_TRUE(text.contains("namespace: dev")) << text;
  EXPECT_FALSE(text.contains("ClusterRole")) << text;
  EXPECT_FALSE(text.contains("\"*\"")) << text;
}

TEST(Permissions, of_the_external_metrics_api_name_whom_it_may_be_and_what_may_be_read) {
  const auto text = external_metrics_permissions({.name_space = "ops", .name = "scaler"});
  EXPECT_TRUE(
      text.contains("resources: [serviceaccounts]\n    resourceNames: [horizontal-pod-autoscaler]\n"
                    "    verbs: [impersonate]"))
      << text;
  EXPECT_TRUE(text.contains("tidegate_desired_replicas")) << text;
  EXPECT_TRUE(text.contains("name: system:auth-delegator")) << text;
  EXPECT_TRUE(text.contains("name: extension-apiserver-authentication-reader")) << text;
  EXPECT_TRUE(text.contains("name: scaler\n    namespace: ops")) << text;
  EXPECT_FALSE(text.contains("\"*\"")) << text;
}

TEST(Permissions, of_a_file_are_for_its_kubernetes_targets_alone) {
  const auto services = permitted_services(
      "services:\n"
      "  - {name: chat, target: {kubernetes: {deployment: chat, namespace: prod}}}\n"
      "  - {name: local, command: [serve, \"{port}\"]}\n",
      "f");
  ASSERT_TRUE(services) << services.error().message;
  const auto text = named_permissions(*services, {.name_space = "ops", .name = "scaler"});
  EXPECT_TRUE(text.contains("namespace: prod")) << text;
  EXPECT_FALSE(text.contains("namespace: default")) << text;
  EXPECT_FALSE(text.contains("tidegate.dev")) << text;
  EXPECT_TRUE(text.contains("name: scaler\n    namespace: ops")) << text;
}

TEST(Permissions, of_something_invalid_are_an_error_with_its_place) {
  const auto none = permitted_services("services:\n  - {nam: chat}\n", "f");
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().message.contains("f:2:6")) << none.error().message;
  EXPECT_FALSE(permitted_services("apiVersion: v1\nkind: Pod\n", "f"));
}

TEST(Permissions, of_an_operator_have_no_wildcard) {
  const auto text = operator_permissions({});
  EXPECT_TRUE(text.contains("kind: ClusterRole\n")) << text;
  EXPECT_FALSE(text.contains("\"*\"")) << text;
  EXPECT_FALSE(text.contains("secrets")) << text;
}

// A permission as RBAC grants it: verb, group, resource, name (empty: any).
using Grant = std::tuple<std::string, std::string, std::string, std::string>;

std::set<Grant> grants_of(const std::string& text, const std::string& name_space) {
  std::set<Grant> grants;
  Diagnostics problems;
  for (const auto& manifest : read_manifests(text, problems)) {
    const auto* rules = manifest.node.find("rules");
    const auto* space = manifest.node.find("metadata")->find("namespace");
    if (rules == nullptr || (space != nullptr ? space->text : "") != name_space) continue;
    for (const auto& rule : rules->items) {
      const auto* names = rule.find("resourceNames");
      for (const auto& group : rule.find("apiGroups")->items)
        for (const auto& resource : rule.find("resources")->items)
          for (const auto& verb : rule.find("verbs")->items) {
            if (names == nullptr) grants.insert({verb.text, group.text, resource.text, ""});
            if (names != nullptr)
              for (const auto& name : names->items) grants.insert({verb.text, group.text, resource.text, name.text});
          }
    }
  }
  return grants;
}

std::set<Grant> needed(const std::vector<ObjectRef>& workloads) {
  std::set<Grant> needs;
  const auto add = [&](const std::vector<ClusterNeed>& all) {
    for (const auto& one : all) needs.insert({one.verb, one.group, one.resource, one.name});
  };
  for (const auto& workload : workloads) {
    add(needs_of_namespace(workload.key.space));
    add(needs_of_workload(workload));
  }
  return needs;
}

TEST(Permissions, by_name_are_exactly_what_the_target_uses) {
  const auto services = permitted_services(std::string{models}, "f");
  ASSERT_TRUE(services) << services.error().message;
  const ResourceType sets{
      .group = "leaderworkerset.x-k8s.io", .version = "v1", .plural = "leaderworkersets", .kind = "LeaderWorkerSet"};
  auto grants = grants_of(named_permissions(*services, {}), "prod");
  const auto needs = needed({{resources::deployments, {"prod", "chat-a"}}, {sets, {"prod", "chat-b"}}});
  // What the operator and its sources do beside the target.
  std::erase_if(grants, [](const Grant& one) {
    const auto& [verb, group, resource, name] = one;
    return group == "tidegate.dev" || resource == "events" || resource == "secrets";
  });
  EXPECT_EQ(grants, needs);
}

TEST(Permissions, of_an_operator_are_what_the_target_uses_but_for_restarts) {
  const auto grants = grants_of(operator_permissions({}), "");
  for (auto need : needed({{resources::deployments, {"", "chat"}}, {resources::stateful_sets, {"", "chat"}}})) {
    auto& [verb, group, resource, name] = need;
    const bool restarts = verb == "patch" && group == "apps";
    name.clear();
    EXPECT_EQ(grants.contains(need), !restarts) << verb << " " << resource;
  }
}

}  // namespace
}  // namespace tidegate
