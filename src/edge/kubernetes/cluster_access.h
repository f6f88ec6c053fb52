// How one cluster is reached and how we show who we are: what a kubeconfig or a pod's service account says, before any
// file it names is read. edge/kubernetes/credentials.h turns it into what a request carries.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "edge/net/http_client.h"

namespace tidegate {

// PEM, given as text or as a file that may change while we run. Both empty: not given.
struct PemSource {
  std::string text = {};
  std::string path = {};
  [[nodiscard]] bool is_given() const { return !text.empty() || !path.empty(); }
  friend bool operator==(const PemSource&, const PemSource&) = default;
};

struct TokenText {
  std::string token;
  friend bool operator==(const TokenText&, const TokenText&) = default;
};

// Read again as it changes: service account tokens live for an hour.
struct TokenFile {
  std::string path;
  friend bool operator==(const TokenFile&, const TokenFile&) = default;
};

struct PasswordLogin {
  std::string user;
  std::string password;
  friend bool operator==(const PasswordLogin&, const PasswordLogin&) = default;
};

// A program that says who we are (client.authentication.k8s.io). It gets no terminal and no input.
struct ExecPlugin {
  std::string api_version;  // "client.authentication.k8s.io/v1"
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::string install_hint = {};
  bool wants_cluster = false;  // provideClusterInfo
  friend bool operator==(const ExecPlugin&, const ExecPlugin&) = default;
};

using Login = std::variant<std::monostate, TokenText, TokenFile, PasswordLogin, ExecPlugin>;

struct ClusterAccess {
  std::string origin;  // for messages: "context prod of /home/me/.kube/config"
  std::string server;  // "https://10.0.0.1:6443", no slash at the end
  std::string default_namespace = "default";
  PemSource authorities = {};
  PemSource certificate = {};  // ours
  PemSource key = {};
  std::string tls_server_name = {};
  bool insecure = false;
  std::optional<std::string> proxy = {};
  Login login = {};
  std::vector<std::pair<std::string, std::string>> impersonation = {};  // headers that say as whom we act

  // What a person must be told before anything is sent: that nothing is verified, that nothing is encrypted.
  [[nodiscard]] std::vector<std::string> warnings() const;
};

// Of the pod we run in: KUBERNETES_SERVICE_HOST and _PORT, and the files of the service account in `folder`.
// not_found: we run in no pod.
[[nodiscard]] Result<ClusterAccess> in_cluster_access(
    const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace tidegate
