#include "app/cluster_examination.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "edge/kubernetes/discovery.h"
#include "edge/kubernetes/kubeconfig.h"
#include "edge/machine/system_clock.h"
#include "edge/targets/cluster_needs.h"
#include "edge/targets/workload_record.h"

namespace tidegate {
namespace {

constexpr std::size_t workloads_max = 100;  // examined
constexpr std::string_view grant = "`tidegate export rbac --config FILE | kubectl apply -f -` grants what is needed";

std::optional<std::string> if_given(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

struct Wanted {
  std::string service;
  KubernetesTargetSpec target;
};

std::vector<Wanted> wanted_of(const FleetSpec& fleet) {
  std::vector<Wanted> all;
  for (const auto& service : fleet.services)
    for (const auto& pool : service.pools)
      if (const auto* target = std::get_if<KubernetesTargetSpec>(&pool.target)) all.push_back({service.name, *target});
  return all;
}

// None: it was not found, and that is said.
std::optional<ObjectRef> examine_workload(Examination& on, ApiClient& client, const Wanted& wanted,
                                          const std::string& default_namespace) {
  const auto served = discover(client, wanted.target.api_version, wanted.target.kind);
  if (!served) {
    on.say(Finding::fail, wanted.service, served.error().message, "check `api_version` and `kind` of its target");
    return std::nullopt;
  }
  if (!served->has_scale) {
    on.say(Finding::fail, wanted.service, fmt::format("{} has no scale subresource", wanted.target.kind),
           "name an object whose size can be set");
    return std::nullopt;
  }
  const auto& space = wanted.target.name_space;
  ObjectRef ref{served->type, {space.empty() ? default_namespace : space, wanted.target.name}};
  const auto scale = client.scale(ref);
  if (!scale && scale.error().reason == ApiReason::not_found)
    on.say(Finding::fail, wanted.service, fmt::format("there is no {}", ref.text()),
           "check name and namespace of its target, or create it");
  else if (!scale && scale.error().reason != ApiReason::forbidden)
    on.say(Finding::fail, wanted.service, scale.error().message);
  else if (scale)
    on.say(Finding::ok, wanted.service,
           fmt::format("{}: {} replica{}", ref.text(), scale->replicas, scale->replicas == 1 ? "" : "s"));
  return ref;
}

void examine_permissions(Examination& on, ApiClient& client, const std::vector<ObjectRef>& workloads) {
  std::set<ClusterNeed> needs;
  for (const auto& workload : workloads) {
    for (const auto& one : needs_of_namespace(workload.key.space)) needs.insert(one);
    for (const auto& one : needs_of_workload(workload)) needs.insert(one);
  }
  std::size_t missing = 0;
  for (const auto& need : needs) {
    const auto granted = is_granted(client, need);
    if (!granted) return on.say(Finding::warn, "permissions", granted.error().message);
    if (*granted) continue;
    ++missing;
    on.say(need.is_required ? Finding::fail : Finding::warn, "permissions", fmt::format("may not {}", need.text()),
           grant);
  }
  if (missing == 0 && !needs.empty())
    on.say(Finding::ok, "permissions", fmt::format("all {} are granted", needs.size()));
}

void examine_rivals(Examination& on, ApiClient& client, const std::vector<ObjectRef>& workloads) {
  std::set<std::string> spaces;
  for (const auto& workload : workloads) spaces.insert(workload.key.space);
  for (const auto& space : spaces) {
    const auto listed = client.list({.type = resources::autoscalers, .space = space}, [&](JsonView object) {
      const auto rival = rival_record_of(object, resources::autoscalers.kind);
      if (!rival) return;
      for (const auto& workload : workloads)
        if (workload.key == ObjectKey{space, rival->target_name} && workload.type.kind == rival->target_kind)
          on.say(Finding::warn, "autoscalers",
                 fmt::format("{} {} scales {} too", rival->kind, rival->name, workload.text()),
                 "delete it before `mode: act`, or run with --takeover");
    });
    // Permissions have been spoken of already.
    if (!listed && listed.error().reason != ApiReason::forbidden)
      on.say(Finding::warn, "autoscalers", listed.error().message);
  }
}

}  // namespace

void examine_cluster(Examination& on, const FleetSpec& fleet) {
  const auto wanted = wanted_of(fleet);
  if (wanted.empty()) return;
  const auto access = cluster_access(if_given(fleet.kubernetes.kubeconfig), if_given(fleet.kubernetes.context));
  if (!access)
    return on.say(Finding::fail, "cluster", access.error().message,
                  "say how it is reached: `kubernetes: {kubeconfig: PATH, context: NAME}`");
  const SystemClock clock;
  Cluster cluster(*access, clock);
  ApiClient client(cluster, {.timeout = 5s, .deadline = 10s, .retries = {.attempts_max = 1}});
  const auto version = client.call({.path = "/version", .repeat = Repeat::harmless});
  if (!version)
    return on.say(Finding::fail, "cluster", version.error().message,
                  fmt::format("{} says where it is and who we are", access->origin));
  const auto parsed = parse_json(*version);
  on.say(Finding::ok, "cluster",
         fmt::format("Kubernetes {} at {}, by {}", parsed ? text_field(*parsed, {"gitVersion"}) : "", access->server,
                     access->origin));
  for (const auto& warning : access->warnings()) on.say(Finding::warn, "cluster", warning);
  std::vector<ObjectRef> workloads;
  for (const auto& one : wanted)
    if (workloads.size() < workloads_max)
      if (auto ref = examine_workload(on, client, one, access->default_namespace)) workloads.push_back(std::move(*ref));
  examine_permissions(on, client, workloads);
  examine_rivals(on, client, workloads);
}

}  // namespace tidegate
