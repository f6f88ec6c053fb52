#include "edge/net/testing/test_sockets.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/base/check.h"
#include "edge/net/listener.h"

namespace tidegate {

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return condition();
}

TestSocket::TestSocket(int fd) : fd_(fd) {
  const timeval limit{10, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

TestSocket TestSocket::connect(std::uint16_t port, int receive_buffer) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return TestSocket{fd};
}

TestSocket::~TestSocket() { close(); }
TestSocket::TestSocket(TestSocket&& other) noexcept : fd_(other.fd_.exchange(-1)), buffer_(std::move(other.buffer_)) {}

bool TestSocket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool TestSocket::fill() {
  char bytes[16384];
  const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
  if (got < 0 && errno == ECONNRESET) was_reset_ = true;
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

std::string TestSocket::read_until(std::string_view text) {
  while (true) {
    const std::size_t at = buffer_.find(text);
    if (at != std::string::npos) return read_bytes(at + text.size());
    if (!fill()) return std::exchange(buffer_, {});
  }
}

std::string TestSocket::read_bytes(std::size_t count) {
  while (buffer_.size() < count)
    if (!fill()) return std::exchange(buffer_, {});
  std::string out = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return out;
}

std::string TestSocket::read_message() {
  std::string head = read_until("\r\n\r\n");
  std::size_t length = 0;
  std::size_t at = head.find("Content-Length: ");
  if (at == std::string::npos) at = head.find("content-length: ");
  if (at != std::string::npos) std::from_chars(head.data() + at + 16, head.data() + head.size(), length);
  return head + read_bytes(length);
}

std::string TestSocket::read_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

bool TestSocket::is_closed_by_peer() {
  char bytes[16384];
  while (true) {
    const auto got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got == 0) return true;
    if (got > 0) continue;
    was_reset_ = errno == ECONNRESET;
    return was_reset_;
  }
}

void TestSocket::close() {
  if (const int fd = fd_.exchange(-1); fd >= 0) ::close(fd);
}

void TestSocket::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

TestServer::TestServer(std::function<void(TestSocket&)> script) : script_(std::move(script)) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(::listen(fd_, 128) == 0);
  port_ = port_of(fd_);
  accepting_ = std::thread([this] {
    while (true) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        ::close(fd);
        return;
      }
      ++connections_;
      TestSocket& socket = sockets_.emplace_back(fd);
      threads_.emplace_back([this, &socket] { script_(socket); });
    }
  });
}

TestServer::~TestServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    // Scripts that still read see the end.
    for (auto& socket : sockets_)
      if (socket.fd() >= 0) ::shutdown(socket.fd(), SHUT_RDWR);
  }
  ::shutdown(fd_, SHUT_RDWR);
  accepting_.join();
  for (auto& thread : threads_) thread.join();
  ::close(fd_);
}

std::function<void(TestSocket&)> TestServer::answering(std::string body) {
  return [body = std::move(body)](TestSocket& socket) {
    while (!socket.read_message().empty())
      if (!socket.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body)) return;
  };
}

}  // namespace tidegate
