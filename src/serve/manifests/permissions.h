// What tidegate may do in a cluster, as RBAC manifests: for an operator that watches every namespace, or for the
// services of one configuration, by the names of their workloads. No rule has a wildcard.
//
// A watch follows all objects of a kind, so seeing is granted by namespace; writing is granted by name where names are
// known. Pods have none beforehand: marking them is granted in the namespace. An operator of every namespace may set
// sizes and change no workload otherwise, so `tidegate restart` needs the permissions of one configuration.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/model/service_spec.h"

namespace tidegate {

struct ServiceAccount {
  std::string name_space = "tidegate";
  std::string name = "tidegate";
};

// A service whose targets lie in a namespace. `name_space` is what a target without one is in.
struct PermittedService {
  ServiceSpec service;
  std::string name_space = "default";
  bool is_resource = false;  // a ScaledModel, whose status is written
};

// A ClusterRole with its binding, and the lease in the account's namespace.
[[nodiscard]] std::string operator_permissions(const ServiceAccount& account);
// A Role with its binding in each namespace.
[[nodiscard]] std::string named_permissions(const std::vector<PermittedService>& services,
                                            const ServiceAccount& account);
// The rules of the ClusterRole alone, for the chart.
[[nodiscard]] std::string operator_rules();
// What the external metrics API needs besides: to ask the API server who a caller is and what it may, to ask another
// adapter in the name of the HPA's controller, and that this controller may read our metrics.
[[nodiscard]] std::string external_metrics_permissions(const ServiceAccount& account);
// The rules by which somebody may read our metrics, for the chart.
[[nodiscard]] std::string metrics_reader_rules();

// The services of a configuration file, or the ScaledModels of a file of manifests.
[[nodiscard]] Result<std::vector<PermittedService>> permitted_services(const std::string& text,
                                                                       const std::string& filename);

}  // namespace tidegate
