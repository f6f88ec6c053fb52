#include "edge/kubernetes/exec_plugin.h"

#include <fmt/format.h>

#include "edge/kubernetes/base64.h"
#include "edge/kubernetes/captured_program.h"
#include "edge/kubernetes/json_fields.h"
#include "edge/kubernetes/rfc3339.h"

namespace tidegate {

bool is_exec_api_version(std::string_view text) {
  return text == "client.authentication.k8s.io/v1" || text == "client.authentication.k8s.io/v1beta1";
}

std::string exec_info(const ExecPlugin& plugin, const ClusterAccess& access, std::string_view authorities) {
  Json info{{"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}};
  if (plugin.wants_cluster) {
    Json& cluster = info["spec"]["cluster"];
    cluster = {{"server", access.server}};
    if (!access.tls_server_name.empty()) cluster["tls-server-name"] = access.tls_server_name;
    if (access.insecure) cluster["insecure-skip-tls-verify"] = true;
    if (!authorities.empty()) cluster["certificate-authority-data"] = encode_base64(authorities);
    if (access.proxy) cluster["proxy-url"] = *access.proxy;
  }
  return info.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ExecCredential> parse_exec_credential(std::string_view output, const ExecPlugin& plugin) {
  const auto parsed = parse_json(output);
  if (!parsed || text_field(*parsed, {"kind"}) != "ExecCredential")
    return fail(ErrorKind::invalid, "it printed no ExecCredential");
  if (const std::string version = text_field(*parsed, {"apiVersion"}); version != plugin.api_version)
    return fail(ErrorKind::invalid, fmt::format("it answers with apiVersion {}, and the kubeconfig says {}",
                                                printable_excerpt(version), plugin.api_version));
  ExecCredential credential{.certificate = text_field(*parsed, {"status", "clientCertificateData"}),
                            .key = text_field(*parsed, {"status", "clientKeyData"})};
  if (std::string token = text_field(*parsed, {"status", "token"}); !token.empty()) credential.token = std::move(token);
  if (credential.certificate.empty() != credential.key.empty())
    return fail(ErrorKind::invalid, "it gives one of clientCertificateData and clientKeyData without the other");
  if (!credential.token && credential.certificate.empty())
    return fail(ErrorKind::invalid, "it gives neither a token nor a client certificate");
  if (const std::string expires = text_field(*parsed, {"status", "expirationTimestamp"}); !expires.empty()) {
    credential.expires = parse_rfc3339(expires);
    if (!credential.expires)
      return fail(ErrorKind::invalid,
                  fmt::format("its expirationTimestamp is no time: {}", printable_excerpt(expires, 64)));
  }
  return credential;
}

Result<ExecCredential> run_exec_plugin(const ExecPlugin& plugin, const ClusterAccess& access,
                                       std::string_view authorities, Duration timeout, std::stop_token stop) {
  const auto failed = [&](const Error& error, std::string_view talk = {}) {
    std::string message = fmt::format("{}: the program {} that gives the credentials: {}", access.origin,
                                      plugin.command.front(), error.message);
    if (!talk.empty()) message += fmt::format("; it says: {}", printable_excerpt(talk, 1000));
    if (error.kind == ErrorKind::not_found && !plugin.install_hint.empty())
      message += fmt::format("; {}", printable_excerpt(plugin.install_hint, 1000));
    return fail(error.kind == ErrorKind::unreachable ? ErrorKind::unreachable : ErrorKind::denied, std::move(message));
  };
  ProgramCall call{.command = plugin.command, .environment = plugin.environment, .timeout = timeout};
  call.environment.emplace_back("KUBERNETES_EXEC_INFO", exec_info(plugin, access, authorities));
  const auto ran = run_captured(call, std::move(stop));
  if (!ran) return failed(ran.error());
  if (ran->status != 0)
    return failed({ErrorKind::denied,
                   ran->status < 0 ? "a signal ended it" : fmt::format("it ended with status {}", ran->status)},
                  ran->talk);
  auto credential = parse_exec_credential(ran->output, plugin);
  if (!credential) return failed(credential.error(), ran->talk);
  return credential;
}

}  // namespace tidegate
