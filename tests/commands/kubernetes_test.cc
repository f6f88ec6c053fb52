// The text side of Kubernetes as a script meets it: import, validate and export.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/commands/program.h"

namespace tidegate {
namespace {

namespace fs = std::filesystem;
const fs::path source = TIDEGATE_SOURCE_DIR;

std::string content(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

bool has_program(const std::string& name) {
  return std::system(fmt::format("command -v {} >/dev/null 2>&1", name).c_str()) == 0;
}

constexpr const char* hpa = R"yaml(apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: chat, namespace: prod}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: chat}
  minReplicas: 2
  maxReplicas: 8
  metrics:
    - type: Pods
      pods: {metric: {name: vllm:num_requests_running}, target: {type: AverageValue, averageValue: "6"}}
  behavior: {scaleDown: {stabilizationWindowSeconds: 60}}
  surprise: 1
)yaml";

class KubernetesCommands : public ProgramInFolder {};

TEST_F(KubernetesCommands, an_import_is_valid_in_both_forms) {
  write("hpa.yaml", hpa);
  ASSERT_EQ(run("import hpa.yaml"), 0) << read("err");
  EXPECT_TRUE(read("err").contains("hpa.yaml:12: spec.surprise: not a field that is known")) << read("err");
  EXPECT_TRUE(read("err").contains("imported 1 of hpa.yaml; all in shadow mode")) << read("err");
  const auto resource = read("out");
  EXPECT_TRUE(resource.contains("# - spec.surprise: not a field that is known")) << resource;
  write("sm.yaml", resource);
  EXPECT_EQ(run("validate sm.yaml"), 0) << read("err");
  EXPECT_TRUE(read("out").contains("service chat (shadow)")) << read("out");
  EXPECT_TRUE(read("out").contains("beside hpa")) << read("out");
  EXPECT_TRUE(read("out").contains("scales Deployment chat")) << read("out");

  ASSERT_EQ(run("import --as file hpa.yaml"), 0) << read("err");
  write("tidegate.yaml", read("out"));
  EXPECT_EQ(run("validate"), 0) << read("err");
  EXPECT_TRUE(read("out").contains("scales Deployment prod/chat")) << read("out");
}

TEST_F(KubernetesCommands, import_reads_stdin_and_several_files_and_refuses_as_a_whole) {
  write("hpa.yaml", hpa);
  write("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n");
  const auto piped = fmt::format("cd '{}' && '{}' import - <hpa.yaml >out 2>err", folder_.string(), TIDEGATE_PROGRAM);
  EXPECT_EQ(std::system(piped.c_str()), 0) << read("err");
  EXPECT_TRUE(read("out").contains("kind: ScaledModel")) << read("out");
  EXPECT_EQ(run("import hpa.yaml pod.yaml"), 78);
  EXPECT_EQ(read("out"), "");
  EXPECT_TRUE(read("err").contains("pod.yaml:1:1: error[unknown_kind]: a Pod of v1 cannot be imported")) << read("err");
  EXPECT_EQ(run("import nothing.yaml"), 5);
  EXPECT_EQ(run("import --as json hpa.yaml"), 2);
  EXPECT_EQ(run("import --prometheus here hpa.yaml"), 2);
  EXPECT_EQ(run("import"), 2);
}

TEST_F(KubernetesCommands, validate_says_what_is_wrong_with_scaled_models_by_line) {
  write("sm.yaml",
        "apiVersion: tidegate.dev/v1alpha1\nkind: ScaledModel\nmetadata: {name: a}\n"
        "spec: {target: {kubernetes: {deployment: a}}}\n---\n"
        "apiVersion: tidegate.dev/v1alpha1\nkind: ScaledModel\nmetadata: {name: b}\n"
        "spec:\n  replicas: {min: 3, max: 2}\n  target: {kubernetes: {deployment: b}}\n");
  EXPECT_EQ(run("validate sm.yaml"), 78);
  EXPECT_TRUE(read("err").contains("sm.yaml:10:19: error[min_above_max]")) << read("err");
}

TEST_F(KubernetesCommands, exports_of_folders_are_the_folders_of_deploy) {
  for (const auto& [what, below] : {std::pair{"kustomize", "kustomize"}, std::pair{"helm", "helm/tidegate"}}) {
    ASSERT_EQ(run(fmt::format("export {0} --out {0}", what)), 0) << read("err");
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(source / "deploy" / below)) {
      if (!entry.is_regular_file()) continue;
      const auto path = entry.path().lexically_relative(source / "deploy" / below);
      EXPECT_EQ(content(folder_ / what / path), content(entry.path())) << path;
      ++files;
    }
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / what)) files -= entry.is_regular_file() ? 1 : 0;
    EXPECT_EQ(files, 0U) << what;
  }
  EXPECT_EQ(run("export kustomize --out kustomize"), 1);
  EXPECT_TRUE(read("err").contains("not empty")) << read("err");
  EXPECT_EQ(run("export helm"), 2);
}

TEST_F(KubernetesCommands, exports_on_stdout_are_the_files_of_deploy) {
  for (const auto& [what, path] :
       {std::pair{"crds", "kustomize/base/crd.yaml"}, std::pair{"rbac", "kustomize/base/rbac.yaml"},
        std::pair{"grafana", "grafana/tidegate.json"}, std::pair{"alerts", "alerts/tidegate.rules.yaml"},
        std::pair{"alerts --as prometheusrule", "kustomize/monitoring/prometheus_rule.yaml"}}) {
    ASSERT_EQ(run(fmt::format("export {}", what)), 0) << read("err");
    EXPECT_EQ(read("out"), content(source / "deploy" / path)) << what;
  }
  EXPECT_EQ(run("export alerts --as poetry"), 2);
}

TEST_F(KubernetesCommands, roles_by_name) {
  write("hpa.yaml", hpa);
  ASSERT_EQ(run("import hpa.yaml"), 0);
  write("sm.yaml", read("out"));
  ASSERT_EQ(run("export rbac --config sm.yaml --namespace ops --service-account scaler"), 0) << read("err");
  EXPECT_TRUE(read("out").contains("resources: [deployments/scale]\n    resourceNames: [chat]")) << read("out");
  EXPECT_TRUE(read("out").contains("name: scaler\n    namespace: ops")) << read("out");
  write("broken.yaml", "services: 3\n");
  EXPECT_EQ(run("export rbac --config broken.yaml"), 78);
}

TEST_F(KubernetesCommands, alerts_ring_for_what_they_are_about) {
  if (!has_program("promtool")) GTEST_SKIP() << "promtool is not installed (prometheus)";
  auto rules = content(source / "tests/alerts/alerts.yaml");
  rules.replace(rules.find("RULES"), 5, (source / "deploy/alerts/tidegate.rules.yaml").string());
  write("alerts.yaml", rules);
  const auto command = fmt::format("promtool test rules '{}' >&2", (folder_ / "alerts.yaml").string());
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST_F(KubernetesCommands, the_chart_renders) {
  if (!has_program("helm")) GTEST_SKIP() << "helm is not installed";
  ASSERT_EQ(run("export helm --out chart"), 0);
  const auto chart = (folder_ / "chart").string();
  EXPECT_EQ(std::system(fmt::format("helm lint --strict '{}' >&2", chart).c_str()), 0);
  const auto all =
      "--set monitoring.podMonitor.enabled=true --set monitoring.alerts.enabled=true "
      "--set monitoring.dashboard.enabled=true --set 'namespaces={a,b}'";
  EXPECT_EQ(std::system(fmt::format("helm template t '{}' --kube-version 1.31.0 {} >/dev/null", chart, all).c_str()),
            0);
}

}  // namespace
}  // namespace tidegate
