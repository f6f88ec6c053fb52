#include "serve/config/listen_address.h"

#include <charconv>

namespace tidegate {
namespace {

bool is_any(std::string_view host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

}  // namespace

bool ListenAddress::is_loopback() const { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

bool ListenAddress::conflicts_with(const ListenAddress& other) const {
  // Port 0 asks for any free port.
  return port != 0 && port == other.port &&
         (host == other.host || is_any(host) || is_any(other.host) || (is_loopback() && other.is_loopback()));
}

std::optional<ListenAddress> listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  ListenAddress address;
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.contains(':') != bracketed || host.find_first_of(" /[]") != std::string_view::npos) return std::nullopt;
  address.host = host;
  return address;
}

}  // namespace tidegate
