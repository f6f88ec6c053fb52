#include "serve/manifests/deploy_files.h"

#include <algorithm>

#include "serve/manifests/alerts.h"
#include "serve/manifests/dashboard.h"
#include "serve/manifests/embedded_files.h"
#include "serve/manifests/permissions.h"
#include "serve/resource/resource_definition.h"

namespace tidegate {
namespace {

void add_made(std::vector<DeployFile>& files) {
  const auto definition = resource_definition();
  const auto rules = alert_rules(), dashboard = grafana_dashboard();
  const auto add = [&](std::string path, std::string text) {
    files.push_back({.path = std::move(path), .text = std::move(text), .is_made = true});
  };
  add("alerts/tidegate.rules.yaml", rules);
  add("grafana/tidegate.json", dashboard);
  add("kustomize/base/crd.yaml", definition);
  add("kustomize/base/rbac.yaml", operator_permissions({}));
  add("kustomize/metric_doors/rbac.yaml", external_metrics_permissions({}));
  add("kustomize/monitoring/prometheus_rule.yaml", prometheus_rule());
  add("kustomize/monitoring/dashboard.json", dashboard);
  add("helm/tidegate/crds/scaledmodels.yaml", definition);
  add("helm/tidegate/files/alerts.yaml", rules);
  add("helm/tidegate/files/dashboard.json", dashboard);
  add("helm/tidegate/files/metrics_reader_rules.yaml", metrics_reader_rules());
  add("helm/tidegate/files/rules.yaml", operator_rules());
}

}  // namespace

std::vector<DeployFile> deploy_files() {
  std::vector<DeployFile> files;
  for (const auto& file : embedded_files()) files.push_back({std::string{file.path}, std::string{file.text}});
  add_made(files);
  std::ranges::sort(files, {}, &DeployFile::path);
  return files;
}

std::vector<DeployFile> deploy_files_below(std::string_view folder) {
  const auto prefix = std::string{folder} + "/";
  auto files = deploy_files();
  std::erase_if(files, [&](const auto& file) { return !file.path.starts_with(prefix); });
  for (auto& file : files) file.path.erase(0, prefix.size());
  return files;
}

}  // namespace tidegate
