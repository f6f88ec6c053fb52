#include "edge/targets/cluster_needs.h"

#include <fmt/format.h>

namespace tidegate {
namespace {

const ResourceType access_reviews{.group = "authorization.k8s.io",
                                  .version = "v1",
                                  .plural = "selfsubjectaccessreviews",
                                  .kind = "SelfSubjectAccessReview",
                                  .namespaced = false};

}  // namespace

std::string ClusterNeed::text() const {
  return fmt::format("{} {}{}{}{}{}{}", verb, resource, group.empty() ? "" : "." + group, name.empty() ? "" : " ", name,
                     space.empty() ? " in every namespace" : " in ", space);
}

std::vector<ClusterNeed> needs_of_namespace(const std::string& space) {
  std::vector<ClusterNeed> needs;
  for (const char* verb : {"list", "watch"}) {
    needs.push_back({.verb = verb, .group = "", .resource = "pods", .space = space});
    needs.push_back({.verb = verb, .group = "autoscaling", .resource = "horizontalpodautoscalers", .space = space});
    needs.push_back({.verb = verb, .group = "keda.sh", .resource = "scaledobjects", .space = space});
  }
  // The idlest pods are marked before a smaller size.
  needs.push_back({.verb = "patch", .group = "", .resource = "pods", .space = space, .is_required = false});
  return needs;
}

std::vector<ClusterNeed> needs_of_workload(const ObjectRef& workload) {
  const auto& [type, key] = workload;
  std::vector<ClusterNeed> needs;
  for (const char* verb : {"list", "watch"})
    needs.push_back({.verb = verb, .group = type.group, .resource = type.plural, .space = key.space});
  for (const char* verb : {"get", "update"})
    needs.push_back(
        {.verb = verb, .group = type.group, .resource = type.plural + "/scale", .space = key.space, .name = key.name});
  // `tidegate restart`
  if (type == resources::deployments || type == resources::stateful_sets)
    needs.push_back({.verb = "patch",
                     .group = type.group,
                     .resource = type.plural,
                     .space = key.space,
                     .name = key.name,
                     .is_required = false});
  return needs;
}

ApiResult<bool> is_granted(ApiClient& client, const ClusterNeed& need, const std::stop_token& stop) {
  const auto slash = need.resource.find('/');
  Json attributes{{"verb", need.verb}, {"group", need.group}, {"resource", need.resource.substr(0, slash)}};
  if (slash != std::string::npos) attributes["subresource"] = need.resource.substr(slash + 1);
  if (!need.space.empty()) attributes["namespace"] = need.space;
  if (!need.name.empty()) attributes["name"] = need.name;
  const auto answer = client.create(access_reviews, "", {{"spec", {{"resourceAttributes", attributes}}}}, {}, stop);
  if (!answer) return std::unexpected(answer.error());
  const auto allowed = truth_field(*answer, {"status", "allowed"});
  if (!allowed) return std::unexpected(garbled("POST " + access_reviews.text(), "the answer says not what is allowed"));
  return *allowed;
}

}  // namespace tidegate
