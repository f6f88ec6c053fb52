// Names of what an API server holds: a kind of object and where it is served, one object, and their paths. Nothing here
// asks a server; edge/kubernetes/discovery.h finds the path of a kind that is not among those below.
#pragma once

#include <string>
#include <string_view>

namespace tidegate {

// Where a kind of object is served: "apps", "v1", "deployments", "Deployment".
struct ResourceType {
  std::string group = {};  // empty: the core group
  std::string version = "v1";
  std::string plural;
  std::string kind;
  bool namespaced = true;

  [[nodiscard]] std::string api_version() const;  // "apps/v1", "v1"
  [[nodiscard]] std::string text() const;         // "deployments.apps"
  friend bool operator==(const ResourceType&, const ResourceType&) = default;
  friend auto operator<=>(const ResourceType&, const ResourceType&) = default;
};

// An object within its kind.
struct ObjectKey {
  std::string space = {};  // namespace; empty: the kind has none
  std::string name;

  [[nodiscard]] std::string text() const;  // "default/code", "code"
  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

struct ObjectRef {
  ResourceType type;
  ObjectKey key;

  [[nodiscard]] std::string text() const;  // "deployments.apps default/code"
  friend bool operator==(const ObjectRef&, const ObjectRef&) = default;
  friend auto operator<=>(const ObjectRef&, const ObjectRef&) = default;
};

// "apps/v1" into group and version; "v1" has no group. False: it is no apiVersion.
[[nodiscard]] bool split_api_version(std::string_view text, std::string& group, std::string& version);

// "/apis/apps/v1/namespaces/default/deployments"; an empty namespace means all of them.
[[nodiscard]] std::string collection_path(const ResourceType& type, std::string_view space);
// ".../deployments/code", ".../deployments/code/scale".
[[nodiscard]] std::string object_path(const ObjectRef& ref, std::string_view subresource = {});

// A DNS label or subdomain as the API server wants object names: it goes into a path unescaped.
[[nodiscard]] bool is_object_name(std::string_view text);

// Kinds that every cluster serves.
namespace resources {
inline const ResourceType pods{.plural = "pods", .kind = "Pod"};
inline const ResourceType nodes{.plural = "nodes", .kind = "Node", .namespaced = false};
inline const ResourceType events{.group = "events.k8s.io", .version = "v1", .plural = "events", .kind = "Event"};
inline const ResourceType leases{.group = "coordination.k8s.io", .version = "v1", .plural = "leases", .kind = "Lease"};
inline const ResourceType deployments{.group = "apps", .version = "v1", .plural = "deployments", .kind = "Deployment"};
inline const ResourceType replica_sets{.group = "apps", .version = "v1", .plural = "replicasets", .kind = "ReplicaSet"};
inline const ResourceType stateful_sets{
    .group = "apps", .version = "v1", .plural = "statefulsets", .kind = "StatefulSet"};
inline const ResourceType autoscalers{
    .group = "autoscaling", .version = "v2", .plural = "horizontalpodautoscalers", .kind = "HorizontalPodAutoscaler"};
}  // namespace resources

}  // namespace tidegate
