// Every permission that the Kubernetes target uses: what RBAC has to grant, and what `tidegate doctor` asks the API
// server about.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "edge/kubernetes/api_client.h"
#include "edge/kubernetes/resource.h"

namespace tidegate {

struct ClusterNeed {
  std::string verb;
  std::string group;        // empty: the core group
  std::string resource;     // "pods", "deployments/scale"
  std::string space;        // empty: in every namespace
  std::string name = {};    // empty: whatever it is called
  bool is_required = true;  // otherwise something is missing without it, and the rest works

  // "patch deployments.apps chat in prod"
  [[nodiscard]] std::string text() const;
  friend bool operator==(const ClusterNeed&, const ClusterNeed&) = default;
  friend auto operator<=>(const ClusterNeed&, const ClusterNeed&) = default;
};

// Of a place where workloads are scaled, whichever they are.
[[nodiscard]] std::vector<ClusterNeed> needs_of_namespace(const std::string& space);
// Of one workload, beside those of its namespace.
[[nodiscard]] std::vector<ClusterNeed> needs_of_workload(const ObjectRef& workload);

// Asks the API server (SelfSubjectAccessReview).
[[nodiscard]] ApiResult<bool> is_granted(ApiClient& client, const ClusterNeed& need, const std::stop_token& stop = {});

}  // namespace tidegate
