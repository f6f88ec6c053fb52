#include "edge/load/endpoint.h"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

namespace tidegate {
namespace {

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

Result<LoadUrl> parse_load_url(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorKind::invalid, fmt::format("--url needs http://HOST[:PORT][/PATH], {}: '{}'", why, text));
  };
  std::string_view rest = text;
  if (rest.starts_with("https://")) return wrong("https is not supported here; name the plain port behind it");
  if (!rest.starts_with("http://")) return wrong("it does not begin with http://");
  rest.remove_prefix(7);
  if (!is_plain(rest)) return wrong("it has a blank or a control character");
  rest = rest.substr(0, rest.find('#'));
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  LoadUrl url;
  url.target = rest.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return wrong("a user or password does not belong in it");
  url.host_field = authority;
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return wrong("the bracket does not end");
    host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
  } else if (const std::size_t colon = authority.rfind(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (host.empty()) return wrong("the host is missing");
  url.host = host;
  if (port.empty()) return url;
  const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
  if (port.front() != ':' || error != std::errc{} || end != port.data() + port.size() || url.port == 0)
    return wrong("the port is no number from 1 to 65535");
  return url;
}

Result<std::vector<SocketAddress>> resolve(const LoadUrl& url) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &list);
  if (code != 0)
    return fail(ErrorKind::unreachable, fmt::format("cannot resolve {}: {}", url.host, ::gai_strerror(code)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
  std::vector<SocketAddress> all;
  for (const bool ipv4 : {true, false})
    for (const auto* one = list; one && all.size() < 16; one = one->ai_next) {
      if ((one->ai_family == AF_INET) != ipv4) continue;
      SocketAddress address;
      std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
      address.length = one->ai_addrlen;
      all.push_back(address);
    }
  return all;
}

}  // namespace tidegate
