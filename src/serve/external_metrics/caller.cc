#include "serve/external_metrics/caller.h"

#include <algorithm>

#include "edge/net/client_certificate.h"
#include "edge/net/route_tree.h"

namespace tidegate {
namespace {

// The ConfigMap holds lists as JSON texts. False: it does not.
bool read_list(const Json& config_map, std::string_view key, std::vector<std::string>& into) {
  const auto text = text_field(config_map, {"data", key});
  if (text.empty()) return true;
  const auto list = parse_json(text);
  if (!list || !list->is_array()) return false;
  for (const auto& item : *list) {
    if (!item.is_string()) return false;
    into.push_back(item.get<std::string>());
  }
  return true;
}

std::vector<std::string> values_of(const ServerRequest& request, std::span<const std::string> names) {
  std::vector<std::string> values;
  for (const auto& name : names)
    for (const auto& [line, value] : request.header_lines)
      if (line == name && !value.empty()) values.push_back(value);
  return values;
}

void read_extra(const ServerRequest& request, const FrontProxy& proxy, Caller& caller) {
  for (const auto& [line, value] : request.header_lines)
    for (const auto& prefix : proxy.extra_prefixes) {
      if (!line.starts_with(prefix) || line.size() == prefix.size()) continue;
      const auto key = percent_decoded(std::string_view{line}.substr(prefix.size()), false);
      if (key) caller.extra[lower_case(*key)].push_back(value);
    }
}

}  // namespace

Result<FrontProxy> front_proxy_of(const Json& config_map) {
  FrontProxy proxy{.authorities = text_field(config_map, {"data", "requestheader-client-ca-file"})};
  const bool is_read = read_list(config_map, "requestheader-allowed-names", proxy.allowed_names) &&
                       read_list(config_map, "requestheader-username-headers", proxy.user_headers) &&
                       read_list(config_map, "requestheader-group-headers", proxy.group_headers) &&
                       read_list(config_map, "requestheader-extra-headers-prefix", proxy.extra_prefixes);
  if (!is_read)
    return fail(ErrorKind::invalid,
                "the ConfigMap kube-system/extension-apiserver-authentication is not as an API server writes it");
  for (auto* list : {&proxy.user_headers, &proxy.group_headers, &proxy.extra_prefixes})
    std::ranges::transform(*list, list->begin(), lower_case);
  return proxy;
}

Result<Caller> vouched_caller(const FrontProxy& proxy, const ServerRequest& request, Instant now) {
  if (proxy.authorities.empty()) return fail(ErrorKind::denied, "the API server names no front proxy");
  const auto name = certified_name(request.client_chain, proxy.authorities, now);
  if (!name) return std::unexpected(name.error());
  if (!proxy.allowed_names.empty() && std::ranges::find(proxy.allowed_names, *name) == proxy.allowed_names.end())
    return fail(ErrorKind::denied, "the certificate's name is not one of the front proxy's");
  const auto users = values_of(request, proxy.user_headers);
  if (users.empty()) return fail(ErrorKind::denied, "the front proxy names no user");
  Caller caller{.name = users.front(), .groups = values_of(request, proxy.group_headers)};
  read_extra(request, proxy, caller);
  return caller;
}

std::string bearer_token(const ServerRequest& request) {
  constexpr std::string_view scheme = "bearer ";
  const auto found = request.headers.find("authorization");
  if (found == request.headers.end() || found->second.size() <= scheme.size()) return "";
  if (lower_case(found->second.substr(0, scheme.size())) != scheme) return "";
  return found->second.substr(scheme.size());
}

}  // namespace tidegate
