// "127.0.0.1:8080", "[::1]:8080", "localhost:8080" or ":8080" (every interface) as host and port.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

struct ListenAddress {
  std::string host;  // empty: every interface; brackets taken off
  std::uint16_t port = 0;
  [[nodiscard]] bool is_loopback() const;
  // Whether both cannot be listened on at once.
  [[nodiscard]] bool conflicts_with(const ListenAddress& other) const;
};

[[nodiscard]] std::optional<ListenAddress> listen_address(std::string_view text);

}  // namespace tidegate
