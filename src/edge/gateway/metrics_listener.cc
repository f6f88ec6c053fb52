#include "edge/gateway/metrics_listener.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <thread>

#include "edge/net/framing.h"
#include "edge/net/listener.h"

namespace tidegate {
namespace {

// The whole head, or nothing when it does not come within a second.
std::string read_head(int fd) {
  std::string bytes;
  char piece[4096];
  while (bytes.size() < head_bytes_max && !bytes.contains("\r\n\r\n")) {
    const auto got = ::recv(fd, piece, sizeof piece, 0);
    if (got <= 0) return {};
    bytes.append(piece, static_cast<std::size_t>(got));
  }
  return bytes;
}

std::string answer(const Gateway& gateway, std::string_view target) {
  const auto text = [](std::string_view status, std::string_view type, std::string_view body) {
    return fmt::format("HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
                       type, body.size(), body);
  };
  if (target == "/metrics") return text("200 OK", "text/plain; version=0.0.4", gateway.metrics_page());
  if (target == "/healthz") return text("200 OK", "text/plain", "ok\n");
  return text("404 Not Found", "text/plain", "here are /metrics and /healthz\n");
}

void serve(const Gateway& gateway, int fd) {
  const timeval limit{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const std::string head = read_head(fd);
  HeadParser parser;
  if (parser.request(head).parse != Parse::complete) return;
  const std::string page = answer(gateway, parser.head().target);
  for (std::size_t sent = 0; sent < page.size();) {
    const auto result = ::send(fd, page.data() + sent, page.size() - sent, MSG_NOSIGNAL);
    if (result <= 0) return;
    sent += static_cast<std::size_t>(result);
  }
}

}  // namespace

struct MetricsListener::Parts {
  const Gateway& gateway;
  const std::string listen;
  int fd = -1;
  int wakeup = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::thread thread;

  void run() const {
    while (true) {
      std::array<pollfd, 2> waiting{{{fd, POLLIN, 0}, {wakeup, POLLIN, 0}}};
      ::poll(waiting.data(), waiting.size(), -1);
      if (waiting[1].revents) return;
      const int client = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) continue;
      serve(gateway, client);
      ::close(client);
    }
  }
};

MetricsListener::MetricsListener(const Gateway& gateway, std::string listen)
    : parts_(new Parts{gateway, std::move(listen)}) {}

MetricsListener::~MetricsListener() {
  if (parts_->thread.joinable()) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(parts_->wakeup, &one, sizeof one);
    parts_->thread.join();
  }
  if (parts_->fd >= 0) ::close(parts_->fd);
  ::close(parts_->wakeup);
}

Result<void> MetricsListener::start() {
  const auto address = parse_listen_address(parts_->listen);
  if (!address) return std::unexpected(address.error());
  const auto opened = open_listening_socket(*address);
  if (!opened) return std::unexpected(opened.error());
  parts_->fd = *opened;
  parts_->thread = std::thread([parts = parts_.get()] { parts->run(); });
  return {};
}

std::uint16_t MetricsListener::port() const { return port_of(parts_->fd); }

}  // namespace tidegate
