#include "serve/manifests/permissions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "serve/config/configuration.h"
#include "serve/config/yaml_writer.h"
#include "serve/import/manifests.h"
#include "serve/resource/scaled_model.h"
#include "serve/scale_metrics/scale_metric.h"

namespace tidegate {
namespace {

using Json = nlohmann::ordered_json;
using Names = std::set<std::string>;

constexpr std::string_view lease_name = "tidegate";

Json rule(std::string_view group, const std::vector<std::string>& resources, const std::vector<std::string>& verbs,
          const Names& names = {}) {
  Json json{{"apiGroups", {group}}, {"resources", resources}};
  if (!names.empty()) json["resourceNames"] = names;
  json["verbs"] = verbs;
  return json;
}

const std::vector<std::string> look{"get", "list", "watch"};
const std::vector<std::string> follow{"list", "watch"};
const std::vector<std::string> set_scale{"get", "update"};
const std::vector<std::string> write_status{"get", "patch", "update"};

// What everybody needs who scales pods: to see them, to mark the idlest, to say what was done, and to notice others.
void add_common(Json& rules) {
  rules.push_back(rule("", {"pods"}, {"list", "watch", "patch"}));
  rules.push_back(rule("", {"events"}, {"create", "patch"}));
  rules.push_back(rule("events.k8s.io", {"events"}, {"create", "patch"}));
  rules.push_back(rule("autoscaling", {"horizontalpodautoscalers"}, follow));
  rules.push_back(rule("keda.sh", {"scaledobjects"}, follow));
}

Json cluster_rules() {
  Json rules = Json::array();
  // `patch` for the annotations by which `tidegate override` and `pause` steer.
  rules.push_back(rule("tidegate.dev", {"scaledmodels"}, {"get", "list", "watch", "patch"}));
  rules.push_back(rule("tidegate.dev", {"scaledmodels/status"}, write_status));
  rules.push_back(rule("apps", {"deployments", "statefulsets"}, follow));
  rules.push_back(rule("apps", {"deployments/scale", "statefulsets/scale"}, set_scale));
  rules.push_back(rule("leaderworkerset.x-k8s.io", {"leaderworkersets"}, follow));
  rules.push_back(rule("leaderworkerset.x-k8s.io", {"leaderworkersets/scale"}, set_scale));
  add_common(rules);
  return rules;
}

Json object(std::string_view kind, std::string_view name, std::string_view name_space = "") {
  Json metadata{{"name", name}};
  if (!name_space.empty()) metadata["namespace"] = name_space;
  metadata["labels"] = {{"app.kubernetes.io/name", "tidegate"}, {"app.kubernetes.io/part-of", "tidegate"}};
  return {{"apiVersion", "rbac.authorization.k8s.io/v1"}, {"kind", kind}, {"metadata", std::move(metadata)}};
}

// A binding to a role of another name, ours or the cluster's.
Json binding_to(std::string_view kind, std::string_view role, Json json, const ServiceAccount& account) {
  json["roleRef"] = {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", kind}, {"name", role}};
  json["subjects"] = {{{"kind", "ServiceAccount"}, {"name", account.name}, {"namespace", account.name_space}}};
  return json;
}

Json binding(std::string_view kind, std::string_view name, std::string_view name_space, const ServiceAccount& account) {
  return binding_to(kind, name, object(fmt::format("{}Binding", kind), name, name_space), account);
}

std::string documents(const std::vector<Json>& objects) {
  std::string text;
  for (const auto& one : objects) text += (text.empty() ? "" : "---\n") + yaml_text(one);
  return text;
}

// One operator at a time writes: whoever holds the lease. `create` cannot be granted by name.
void add_lease(const ServiceAccount& account, std::vector<Json>& objects) {
  auto role = object("Role", "tidegate-lease", account.name_space);
  role["rules"] = {rule("coordination.k8s.io", {"leases"}, {"create"}),
                   rule("coordination.k8s.io", {"leases"}, {"get", "patch", "update"}, {std::string{lease_name}})};
  objects.push_back(std::move(role));
  objects.push_back(binding("Role", "tidegate-lease", account.name_space, account));
}

std::string group_of(std::string_view api_version) {
  const auto slash = api_version.find('/');
  return slash == std::string_view::npos ? "" : std::string{api_version.substr(0, slash)};
}

// As the API server makes a resource's name of a kind.
std::string plural_of(std::string_view kind) {
  std::string name;
  for (const char c : kind) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name.ends_with('s') || name.ends_with('x') || name.ends_with("ch")) return name + "es";
  if (name.ends_with('y')) return name.substr(0, name.size() - 1) + "ies";
  return name + "s";
}

// What the services of one namespace need.
struct NamespaceNeeds {
  std::map<std::pair<std::string, std::string>, Names> workloads;  // group and resource
  Names resources, secrets;
};

void add_secret(const std::optional<Value>& value, NamespaceNeeds& needs) {
  if (value)
    if (const auto* reference = std::get_if<SecretRef>(&*value)) needs.secrets.insert(reference->secret);
}

std::map<std::string, NamespaceNeeds> needs_of(const std::vector<PermittedService>& services) {
  std::map<std::string, NamespaceNeeds> all;
  for (const auto& [service, name_space, is_resource] : services) {
    auto& own = all[name_space];
    if (is_resource) own.resources.insert(service.name);
    for (const auto& query : service.signals.queries) add_secret(query.server.bearer_token, own);
    if (service.signals.traffic) add_secret(service.signals.traffic->server.bearer_token, own);
    for (const auto& pool : service.pools) {
      const auto* target = std::get_if<KubernetesTargetSpec>(&pool.target);
      if (!target) continue;
      auto& place = all[target->name_space.empty() ? name_space : target->name_space];
      place.workloads[{group_of(target->api_version), plural_of(target->kind)}].insert(target->name);
    }
  }
  std::erase_if(all, [](const auto& one) { return one.second.workloads.empty() && one.second.resources.empty(); });
  return all;
}

Json named_rules(const NamespaceNeeds& needs) {
  Json rules = Json::array();
  if (!needs.resources.empty()) {
    // Whoever watches for new ones does not know their names.
    rules.push_back(rule("tidegate.dev", {"scaledmodels"}, look));
    rules.push_back(rule("tidegate.dev", {"scaledmodels"}, {"patch"}, needs.resources));
    rules.push_back(rule("tidegate.dev", {"scaledmodels/status"}, write_status, needs.resources));
  }
  for (const auto& [workload, names] : needs.workloads) {
    rules.push_back(rule(workload.first, {workload.second}, follow));
    rules.push_back(rule(workload.first, {workload.second + "/scale"}, set_scale, names));
    // `tidegate restart`
    if (workload.first == "apps" && (workload.second == "deployments" || workload.second == "statefulsets"))
      rules.push_back(rule(workload.first, {workload.second}, {"patch"}, names));
  }
  if (!needs.secrets.empty()) rules.push_back(rule("", {"secrets"}, {"get"}, needs.secrets));
  add_common(rules);
  return rules;
}

const ServiceAccount hpa_controller{.name_space = "kube-system", .name = "horizontal-pod-autoscaler"};

Json reader_rules() {
  std::vector<std::string> names;
  for (const auto& metric : scale_metrics()) names.push_back("tidegate_" + metric.name());
  return Json::array({rule("external.metrics.k8s.io", names, {"get", "list"})});
}

}  // namespace

std::string operator_rules() { return yaml_text(cluster_rules()); }

std::string metrics_reader_rules() { return yaml_text(reader_rules()); }

std::string external_metrics_permissions(const ServiceAccount& account) {
  constexpr std::string_view kube_system = "kube-system";
  auto impersonator = object("Role", "tidegate-impersonates-hpa", kube_system);
  impersonator["rules"] = {rule("", {"serviceaccounts"}, {"impersonate"}, {hpa_controller.name})};
  auto reader = object("ClusterRole", "tidegate-metrics-reader");
  reader["rules"] = reader_rules();
  return "# Written by `tidegate export kustomize`.\n" +
         documents({binding_to("ClusterRole", "system:auth-delegator",
                               object("ClusterRoleBinding", "tidegate-auth-delegator"), account),
                    binding_to("Role", "extension-apiserver-authentication-reader",
                               object("RoleBinding", "tidegate-auth-reader", kube_system), account),
                    std::move(impersonator), binding("Role", "tidegate-impersonates-hpa", kube_system, account),
                    std::move(reader), binding("ClusterRole", "tidegate-metrics-reader", "", hpa_controller)});
}

std::string operator_permissions(const ServiceAccount& account) {
  auto role = object("ClusterRole", "tidegate");
  role["rules"] = cluster_rules();
  std::vector<Json> objects{std::move(role), binding("ClusterRole", "tidegate", "", account)};
  add_lease(account, objects);
  return "# Written by `tidegate export rbac`: an operator for every namespace. With --config: by name, for some "
         "services.\n" +
         documents(objects);
}

std::string named_permissions(const std::vector<PermittedService>& services, const ServiceAccount& account) {
  std::vector<Json> objects;
  for (const auto& [name_space, needs] : needs_of(services)) {
    auto role = object("Role", "tidegate", name_space);
    role["rules"] = named_rules(needs);
    objects.push_back(std::move(role));
    objects.push_back(binding("Role", "tidegate", name_space, account));
  }
  add_lease(account, objects);
  return documents(objects);
}

Result<std::vector<PermittedService>> permitted_services(const std::string& text, const std::string& filename) {
  std::vector<PermittedService> services;
  Diagnostics problems;
  const auto manifests = read_manifests(text, problems);
  const bool are_resources = std::ranges::any_of(manifests, [](const auto& one) { return !one.kind.empty(); });
  if (!are_resources) {
    const auto fleet = fleet_of(load_configuration(text, filename, Resolvers{}));
    if (!fleet) return std::unexpected(fleet.error());
    for (const auto& service : fleet->services) services.push_back({.service = service});
    return services;
  }
  for (const auto& manifest : manifests) {
    auto loaded = load_scaled_model(manifest.node, Resolvers{});
    if (!loaded.service) return fail(ErrorKind::invalid, render(loaded.diagnostics, filename, text));
    services.push_back({.service = std::move(*loaded.service),
                        .name_space = loaded.name_space.empty() ? "default" : loaded.name_space,
                        .is_resource = true});
  }
  return services;
}

}  // namespace tidegate
