// Reads kubeconfig files and picks a context: clusters, users and contexts of several files are merged as kubectl does
// (the first file that names an entry, or sets current-context, wins), and paths in a file are relative to it.
// Only the chosen context is judged; an entry that is wrong and unused harms nobody. Certificates and tokens are not
// read here (edge/kubernetes/credentials.h).
//
// Messages name file, line and field. Refused by name: auth-provider (Kubernetes 1.26 removed it) and programs that
// need a terminal.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "edge/kubernetes/cluster_access.h"

namespace tidegate {

inline constexpr std::size_t kubeconfig_bytes_max = 4 * 1024 * 1024;

struct KubeconfigText {
  std::string path;  // absolute, or relative to our working directory
  std::string text;
};

// `context`: none or empty means the current one.
[[nodiscard]] Result<ClusterAccess> access_of(std::span<const KubeconfigText> files,
                                              const std::optional<std::string>& context);

// Where kubeconfigs are looked for: `given` if it is, else $KUBECONFIG (split at ':'), else ~/.kube/config.
[[nodiscard]] std::vector<std::string> kubeconfig_paths(const std::optional<std::string>& given);

// Reads those files. One that is missing is left out, as kubectl does, unless none is there or it is `given`.
[[nodiscard]] Result<ClusterAccess> kubeconfig_access(const std::optional<std::string>& given,
                                                      const std::optional<std::string>& context);

// What most programs want: the kubeconfig where there is one or a context is asked for, else the pod's service account.
[[nodiscard]] Result<ClusterAccess> cluster_access(const std::optional<std::string>& kubeconfig,
                                                   const std::optional<std::string>& context);

}  // namespace tidegate
