// Where load goes: an http URL, taken apart, and the addresses behind its name.
//
// https is refused by name: the load is meant for a gateway or server on the same network, and TLS would measure
// this client. Names are resolved once, before the first request.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace tidegate {

struct LoadUrl {
  std::string host;  // without brackets
  std::uint16_t port = 80;
  std::string target;      // "/v1/chat/completions", with its query; "/" when the URL has no path
  std::string host_field;  // what goes into Host

  friend bool operator==(const LoadUrl&, const LoadUrl&) = default;
};
[[nodiscard]] Result<LoadUrl> parse_load_url(std::string_view text);

struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t length = 0;
};
// At least one, IPv4 first: servers on loopback often listen on that alone.
[[nodiscard]] Result<std::vector<SocketAddress>> resolve(const LoadUrl& url);

}  // namespace tidegate
