// Programs that say who we are (client.authentication.k8s.io/v1 and v1beta1): what they are told, what they answer.
// They get no terminal and no input; how often they are asked is decided elsewhere (edge/kubernetes/credentials.h).
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/base/time.h"
#include "edge/kubernetes/cluster_access.h"

namespace tidegate {

struct ExecCredential {
  std::optional<std::string> token;
  std::string certificate;  // PEM; empty: none
  std::string key;
  std::optional<Instant> expires;  // none: as long as the server takes it
  friend bool operator==(const ExecCredential&, const ExecCredential&) = default;
};

[[nodiscard]] bool is_exec_api_version(std::string_view text);

// KUBERNETES_EXEC_INFO: the question, as JSON. `authorities`: PEM, told with the cluster where the plug-in wants it.
[[nodiscard]] std::string exec_info(const ExecPlugin& plugin, const ClusterAccess& access,
                                    std::string_view authorities);

// The answer. Refused: another apiVersion or kind, neither token nor certificate, a certificate without its key.
[[nodiscard]] Result<ExecCredential> parse_exec_credential(std::string_view output, const ExecPlugin& plugin);

// Asks. Errors name the program, the kubeconfig, what the program said on stderr and its install hint.
[[nodiscard]] Result<ExecCredential> run_exec_plugin(const ExecPlugin& plugin, const ClusterAccess& access,
                                                     std::string_view authorities, Duration timeout,
                                                     std::stop_token stop = {});

}  // namespace tidegate
