// deploy/ is what the export commands write, file by file; what is made from tables is blessed.
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "serve/api/metrics_page.h"
#include "serve/config/testing/case_file.h"
#include "serve/config/yaml_node.h"
#include "serve/manifests/alerts.h"
#include "serve/manifests/dashboard.h"
#include "serve/manifests/deploy_files.h"

namespace tidegate {
namespace {

const std::filesystem::path deploy = TIDEGATE_SOURCE_DIR "/deploy";

TEST(DeploySnapshot, every_file_is_what_the_exports_write) {
  std::set<std::string> written;
  for (const auto& file : deploy_files()) {
    written.insert(file.path);
    if (file.is_made) {
      hold_text_against((deploy / file.path).string(), file.text);
    } else {
      EXPECT_EQ(file.text, read_whole((deploy / file.path).string())) << file.path << ": build again";
    }
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(deploy)) {
    if (!entry.is_regular_file()) continue;
    const auto path = entry.path().lexically_relative(deploy).string();
    EXPECT_TRUE(written.contains(path)) << path << ": list it in src/serve/manifests/CMakeLists.txt";
  }
}

// Every word that looks like one of our metrics, without the endings of a histogram.
std::set<std::string> metrics_in(const std::string& text) {
  std::set<std::string> names;
  for (auto at = text.find("tidegate_"); at != std::string::npos; at = text.find("tidegate_", at + 1)) {
    auto end = at;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
    auto name = text.substr(at, end - at);
    if (name.ends_with("_bucket")) name.erase(name.size() - 7);
    names.insert(name);
  }
  return names;
}

TEST(DeploySnapshot, alerts_and_dashboard_name_only_metrics_that_exist) {
  const auto known = metrics_reference();
  auto used = metrics_in(alert_rules());
  EXPECT_GE(used.size(), 2U);
  used.merge(metrics_in(grafana_dashboard()));
  EXPECT_GE(used.size(), 20U);
  for (const auto& name : used) EXPECT_TRUE(known.contains("`" + name + "`")) << name;
}

TEST(DeploySnapshot, the_dashboard_is_json_and_its_panels_lie_side_by_side) {
  const auto dashboard = nlohmann::json::parse(grafana_dashboard());
  std::set<std::pair<int, int>> taken;
  std::set<int> ids;
  for (const auto& panel : dashboard.at("panels")) {
    EXPECT_TRUE(ids.insert(panel.at("id").get<int>()).second);
    const auto& grid = panel.at("gridPos");
    for (int x = 0; x < grid.at("w").get<int>(); ++x)
      for (int y = 0; y < grid.at("h").get<int>(); ++y)
        EXPECT_TRUE(taken.insert({grid.at("x").get<int>() + x, grid.at("y").get<int>() + y}).second)
            << panel.at("title");
  }
}

TEST(DeploySnapshot, plain_manifests_are_yaml_that_our_reader_takes) {
  for (const auto& file : deploy_files_below("kustomize")) {
    if (!file.path.ends_with(".yaml") || file.path.ends_with("/rbac.yaml")) continue;  // several documents
    Diagnostics problems;
    EXPECT_TRUE(parse_yaml(file.text, problems)) << file.path << render(problems, file.path, file.text);
  }
}

}  // namespace
}  // namespace tidegate
