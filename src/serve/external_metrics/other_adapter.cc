#include "serve/external_metrics/other_adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "edge/machine/file_descriptor.h"

namespace tidegate {
namespace {

constexpr Duration patience = 8s;
constexpr std::size_t answer_max = 1024 * 1024;
constexpr std::size_t authorities_max = 1024 * 1024;
constexpr std::string_view account_prefix = "system:serviceaccount:";

bool can_be_header(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

Result<std::string> read_authorities(const std::string& path) {
  auto text = read_file(path, authorities_max);
  if (text && !text->empty()) return text;
  return fail(ErrorKind::unreachable, fmt::format("external_metrics.fallback.authorities: {}",
                                                  text ? path + " is empty" : text.error().message));
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> impersonation_of(const Caller& caller) {
  if (!can_be_header(caller.name) || !std::ranges::all_of(caller.groups, can_be_header))
    return fail(ErrorKind::invalid, "the name of the caller or of one of its groups holds a control character");
  std::vector<std::pair<std::string, std::string>> headers{{"Impersonate-User", caller.name}};
  if (caller.name.starts_with(account_prefix)) return headers;
  for (const auto& group : caller.groups)
    if (group != "system:authenticated") headers.emplace_back("Impersonate-Group", group);
  return headers;
}

Result<ServerResponse> ask_other_adapter(const OtherAdapter& adapter, const ServerRequest& request,
                                         const Caller& caller, Credentials& own, HttpClient& client,
                                         const std::stop_token& stop) {
  auto headers = impersonation_of(caller);
  if (!headers) return std::unexpected(headers.error());
  const auto login = own.current(stop);
  if (!login) return std::unexpected(login.error());
  HttpTls tls;
  if (login->tls) tls = {.certificate = login->tls->certificate, .key = login->tls->key};
  if (!adapter.authorities.empty()) {
    auto authorities = read_authorities(adapter.authorities);
    if (!authorities) return std::unexpected(authorities.error());
    tls.authorities = std::move(*authorities);
  }
  if (const auto accept = request.headers.find("accept"); accept != request.headers.end())
    headers->emplace_back("Accept", accept->second);
  auto answer = client.fetch({.url = adapter.url + request.target,
                              .headers = std::move(*headers),
                              .bearer = login->bearer,
                              .basic = login->basic,
                              .timeout = patience,
                              .body_max = answer_max,
                              .tls = std::make_shared<const HttpTls>(std::move(tls))},
                             stop);
  if (!answer)
    return fail(ErrorKind::unreachable, fmt::format("the other adapter does not answer: {}", answer.error().message));
  return ServerResponse{.status = answer->status,
                        .content_type = std::string{answer->header("content-type").value_or("application/json")},
                        .body = std::move(answer->body)};
}

}  // namespace tidegate
