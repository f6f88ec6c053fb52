// Opens or adopts the listening socket and takes connections from it.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace tidegate {

struct BindAddress {
  std::string host;
  std::uint16_t port = 0;
};
// "127.0.0.1:8080", "[::1]:8080", "localhost:0".
[[nodiscard]] Result<BindAddress> parse_listen_address(std::string_view text);

// A listening, non-blocking TCP socket. Errors name the address and what to do.
[[nodiscard]] Result<int> open_listening_socket(const BindAddress& address);
[[nodiscard]] std::uint16_t port_of(int fd);

// The other end of a connection, as text goes into X-Forwarded-For.
struct PeerAddress {
  in6_addr ip{};  // IPv4 mapped
  [[nodiscard]] std::string text() const;
};

class Listener {
 public:
  Listener() = default;
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void adopt(int fd) { close(), fd_ = fd; }
  void close();
  [[nodiscard]] int fd() const { return fd_; }

  struct Accepted {
    int fd = -1;  // -1: nobody waits, or the kernel is out of descriptors
    PeerAddress peer;
  };
  // Non-blocking, with TCP_NODELAY set.
  [[nodiscard]] Accepted accept();

 private:
  int fd_ = -1;
};

}  // namespace tidegate
