#include "serve/resource/scaled_model.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "serve/config/yaml_node.h"
#include "serve/resource/resource_definition.h"

namespace tidegate {
namespace {

LoadedScaledModel load(const std::string& spec) {
  return load_scaled_model(
      "apiVersion: tidegate.dev/v1alpha1\nkind: ScaledModel\n"
      "metadata: {name: chat, namespace: prod}\nspec:\n" +
          spec,
      {});
}

// The one problem of a spec: its path and code.
std::string problem_of(const std::string& spec) {
  const auto loaded = load(spec);
  std::string all;
  for (const auto& problem : loaded.problems) all += field_line(problem) + "\n";
  EXPECT_EQ(loaded.problems.size(), 1U) << spec << all;
  EXPECT_FALSE(loaded.service);
  return loaded.problems.empty() ? "" : fmt::format("{} {}", loaded.problems[0].path, loaded.problems[0].code);
}

TEST(ScaledModel, is_a_service_named_by_its_metadata) {
  const auto loaded =
      load("  slo: {ttft_p99: 1s}\n  replicas: {min: 1, max: 4}\n  target: {kubernetes: {deployment: d}}\n");
  ASSERT_TRUE(loaded.service);
  EXPECT_EQ(loaded.service->name, "chat");
  EXPECT_EQ(loaded.name_space, "prod");
  EXPECT_EQ(loaded.service->guardrails.replicas_max, Replicas{4});
  EXPECT_TRUE(std::holds_alternative<KubernetesTargetSpec>(loaded.service->pools.at(0).target));
}

TEST(ScaledModel, as_the_api_server_gives_it) {
  const nlohmann::json object{
      {"apiVersion", resource_api_version},
      {"kind", resource_kind},
      {"metadata",
       {{"name", "chat"}, {"generation", 3}, {"managedFields", {{{"fieldsV1", {{"f:spec", {{".", {}}}}}}}}}}},
      {"spec",
       {{"policy", {{{"hpa", {{"tolerance", 0.2}, {"stabilize_down", "10m"}}}}}},
        {"signals",
         {{"queries",
           {{{"signal", "queued"},
             {"query", "sum(q)"},
             {"prometheus", {{"url", "http://p"}, {"bearer_token", {{"secret", "s"}, {"key", "k"}}}}}}}}}},
        {"pools", {{{"name", "a"}, {"target", {{"kubernetes", {{"statefulset", "s"}}}}}}}}}},
      {"status", {{"ready", 3}}}};
  const auto loaded = load_scaled_model(object.dump(), {});
  for (const auto& problem : loaded.problems) ADD_FAILURE() << field_line(problem);
  ASSERT_TRUE(loaded.service);
  EXPECT_EQ(loaded.service->policies, (std::vector<PolicySpec>{HpaPolicy{.tolerance = 0.2, .stabilize_down = 10min}}));
  EXPECT_EQ(loaded.service->signals.queries.at(0).server.bearer_token, (Value{SecretRef{"s", "k"}}));
}

TEST(ScaledModel, problems_name_the_path_of_the_field) {
  const std::string target = "  target: {kubernetes: {deployment: d}}\n";
  EXPECT_EQ(problem_of(target + "  replicas: {min: 5, max: 3}\n"), "spec.replicas.min min_above_max");
  EXPECT_EQ(problem_of(target + "  slo: {ttft_p99: 800}\n"), "spec.slo.ttft_p99 missing_unit");
  EXPECT_EQ(problem_of(target + "  slow: 1\n"), "spec.slow unknown_key");
  EXPECT_EQ(problem_of(target + "  policy:\n    - hpa: {}\n    - hpa: {tolerance: 3}\n"),
            "spec.policy[1].hpa.tolerance out_of_range");
  EXPECT_EQ(problem_of("  pools:\n    - {name: a, gpus: 1}\n"), "spec.pools[0] missing");
  EXPECT_EQ(problem_of(target + "  name: other\n"), "spec.name name_in_spec");
  EXPECT_EQ(problem_of("  mode: shadow\n" + target), "spec min_zero_without_admission");
}

TEST(ScaledModel, lends_nothing_of_the_operator) {
  EXPECT_EQ(problem_of("  command: [vllm, \"{port}\"]\n"), "spec process_in_resource");
  const auto signals = [](const std::string& server) {
    return "  target: {kubernetes: {deployment: d}}\n  signals:\n    queries:\n      - {signal: queued, query: q, "
           "prometheus: {" +
           server + "}}\n";
  };
  EXPECT_EQ(problem_of(signals("url: {env: HOME}")), "spec.signals.queries[0].prometheus.url bad_url");
  EXPECT_EQ(problem_of(signals("url: http://p, bearer_token: {file: /run/token}")),
            "spec.signals.queries[0].prometheus.bearer_token.file unknown_key");
  EXPECT_EQ(problem_of(signals("url: http://p, bearer_token: abc")),
            "spec.signals.queries[0].prometheus.bearer_token plain_secret");
}

TEST(ScaledModel, anything_else_is_refused_by_name) {
  const auto other = load_scaled_model("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {}\n", {});
  ASSERT_EQ(other.problems.size(), 2U);
  EXPECT_EQ(other.problems[0].path, "apiVersion");
  EXPECT_EQ(load_scaled_model("[]", {}).problems.at(0).code, "wrong_form");
  EXPECT_FALSE(load_scaled_model("a: [", {}).problems.empty());
}

}  // namespace
}  // namespace tidegate
