#include "edge/net/testing/fake_http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "core/base/check.h"

namespace tidegate {

namespace {

constexpr int slice_ms = 20;

// False: stop, or the peer is gone.
bool wait_readable(int fd, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, slice_ms) > 0) return true;
  }
  return false;
}

bool is_whole(const std::string& request) {
  const std::size_t head = request.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  const std::size_t length = request.find("Content-Length: ");
  if (length == std::string::npos || length > head) return true;
  return request.size() >= head + 4 + std::stoul(request.substr(length + 16));
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

FakeHttpServer::FakeHttpServer(Responder responder) : responder_(std::move(responder)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  CHECK(listen(listener_, 256) == 0);
  CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  accepting_ = std::jthread([this](const std::stop_token& stop) { accept_all(stop); });
}

FakeHttpServer::~FakeHttpServer() {
  accepting_.request_stop();
  accepting_.join();
  for (std::jthread& thread : serving_) thread.request_stop();
  serving_.clear();
  close(listener_);
}

std::string FakeHttpServer::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

std::vector<std::string> FakeHttpServer::requests() const {
  const std::scoped_lock lock{mutex_};
  return requests_;
}

std::size_t FakeHttpServer::connections() const {
  const std::scoped_lock lock{mutex_};
  return connections_;
}

void FakeHttpServer::accept_all(const std::stop_token& stop) {
  while (wait_readable(listener_, stop)) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const std::scoped_lock lock{mutex_};
    ++connections_;
    serving_.emplace_back([this, fd](const std::stop_token& stopped) { serve(fd, stopped); });
  }
}

void FakeHttpServer::serve(int fd, const std::stop_token& stop) {
  std::string request;
  char buffer[65536];
  while (wait_readable(fd, stop)) {
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    request.append(buffer, static_cast<std::size_t>(got));
    if (!is_whole(request)) continue;
    {
      const std::scoped_lock lock{mutex_};
      requests_.push_back(request);
    }
    const FakeAnswer answer = responder_(request);
    request.clear();
    if (answer.never) continue;
    if (answer.pause > Duration{}) {
      send_all(fd, std::string_view{answer.bytes}.substr(0, answer.bytes.size() / 2));
      std::this_thread::sleep_for(answer.pause);
      send_all(fd, std::string_view{answer.bytes}.substr(answer.bytes.size() / 2));
    } else {
      send_all(fd, answer.bytes);
    }
    if (answer.close) break;
  }
  close(fd);
}

FakeAnswer http_answer(int status, const std::string& body, const std::string& headers) {
  return {
      .bytes = fmt::format("HTTP/1.1 {} Said\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers, body),
      .close = false};
}

}  // namespace tidegate
