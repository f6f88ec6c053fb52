#include "edge/net/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace tidegate {

Result<BindAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  BindAddress address;
  if (colon != std::string_view::npos) {
    address.host = text.substr(0, colon);
    if (address.host.starts_with('[') && address.host.ends_with(']'))
      address.host = address.host.substr(1, address.host.size() - 2);
    const std::string_view port = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error == std::errc{} && end == port.data() + port.size() && !port.empty() && !address.host.empty())
      return address;
  }
  return fail(ErrorKind::invalid, fmt::format("not an address to listen on (write HOST:PORT): '{}'", text));
}

Result<int> open_listening_socket(const BindAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int error = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); error != 0)
    return fail(ErrorKind::invalid,
                fmt::format("cannot resolve the address to listen on: {}: {}", address.host, ::gai_strerror(error)));
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  int error = fd < 0 ? errno : 0;
  if (fd >= 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, 4096) != 0) error = errno;
  }
  ::freeaddrinfo(found);
  if (error == 0) return fd;
  if (fd >= 0) ::close(fd);
  const char* hint = error == EADDRINUSE ? "; another program has it: stop that or choose another port" : "";
  return fail(error == EACCES ? ErrorKind::denied : ErrorKind::failed,
              fmt::format("cannot listen on {}:{}: {}{}", address.host, address.port, std::strerror(error), hint));
}

std::uint16_t port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
  return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
}

std::string PeerAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  if (IN6_IS_ADDR_V4MAPPED(&ip))
    ::inet_ntop(AF_INET, ip.s6_addr + 12, buffer, sizeof buffer);
  else
    ::inet_ntop(AF_INET6, &ip, buffer, sizeof buffer);
  return buffer;
}

void Listener::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Listener::Accepted Listener::accept() {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  Accepted accepted;
  accepted.fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted.fd < 0) return accepted;
  const int on = 1;
  ::setsockopt(accepted.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (storage.ss_family == AF_INET6) {
    accepted.peer.ip = reinterpret_cast<sockaddr_in6*>(&storage)->sin6_addr;
  } else {
    accepted.peer.ip.s6_addr[10] = accepted.peer.ip.s6_addr[11] = 0xff;
    std::memcpy(accepted.peer.ip.s6_addr + 12, &reinterpret_cast<sockaddr_in*>(&storage)->sin_addr, 4);
  }
  return accepted;
}

}  // namespace tidegate
