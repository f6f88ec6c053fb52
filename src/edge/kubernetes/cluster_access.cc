#include "edge/kubernetes/cluster_access.h"

#include <fmt/format.h>

#include <cstdlib>

#include "edge/machine/file_descriptor.h"

namespace tidegate {
namespace {

constexpr std::size_t namespace_bytes_max = 1024;

std::string environment_text(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

}  // namespace

std::vector<std::string> ClusterAccess::warnings() const {
  std::vector<std::string> all;
  if (insecure)
    all.push_back(
        fmt::format("{}: the certificate of {} is NOT VERIFIED (insecure-skip-tls-verify): whoever stands in "
                    "between sees and changes everything; give certificate-authority instead",
                    origin, printable_url(server)));
  if (server.starts_with("http://") && !std::holds_alternative<std::monostate>(login))
    all.push_back(fmt::format("{}: the credentials go to {} UNENCRYPTED; use https", origin, printable_url(server)));
  return all;
}

Result<ClusterAccess> in_cluster_access(const std::string& folder) {
  const std::string host = environment_text("KUBERNETES_SERVICE_HOST");
  const std::string port = environment_text("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty())
    return fail(ErrorKind::not_found,
                "this process runs in no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set)");
  ClusterAccess access{.origin = "the pod's service account",
                       .server = fmt::format("https://{}:{}", host.contains(':') ? "[" + host + "]" : host, port),
                       .authorities = {.path = folder + "/ca.crt"},
                       .login = TokenFile{folder + "/token"}};
  auto space = read_file(folder + "/namespace", namespace_bytes_max);
  if (!space)
    return fail(space.error().kind, fmt::format("{}; the pod's service account is not mounted: set "
                                                "automountServiceAccountToken: true",
                                                space.error().message));
  while (space->ends_with('\n')) space->pop_back();
  if (!space->empty()) access.default_namespace = *space;
  return access;
}

}  // namespace tidegate
