#include "edge/gateway/link_server.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "edge/gateway/link_protocol.h"

namespace tidegate {
namespace {

constexpr Duration readings_period = 250ms;

Result<int> bind_link(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(ErrorKind::invalid, fmt::format("the link's path must have 1 to 107 bytes: '{}'", path));
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ::unlink(path.c_str());
  // Whoever may write to the socket may steer the gateway: only this user.
  const mode_t before = ::umask(0077);
  const bool bound =
      fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(fd, 8) == 0;
  const int error = errno;
  ::umask(before);
  if (bound) return fd;
  if (fd >= 0) ::close(fd);
  return fail(error == EACCES ? ErrorKind::denied : ErrorKind::failed,
              fmt::format("cannot open the link at {}: {}", path, std::strerror(error)));
}

}  // namespace

Result<Takeover> take_over(const std::string& link_path) {
  auto channel = LinkChannel::connect(link_path);
  if (!channel) return fail(ErrorKind::not_found, channel.error().message);
  LinkHello hello;
  hello.role = LinkRole::successor;
  const auto refused = [&](std::string_view why) {
    return fail(ErrorKind::failed, fmt::format("the gateway at {} did not hand over: {}", link_path, why));
  };
  if (!channel->send(LinkKind::hello, link_encode(hello))) return refused("it closed the link");
  Takeover takeover;
  while (auto frame = channel->wait_next(handshake_max)) {
    if (frame->kind == LinkKind::hello) {
      const auto answer = link_decode<LinkHello>(frame->payload);
      if (!answer || answer->version != link_version) return refused("it speaks another version of the link");
      continue;
    }
    if (frame->kind != LinkKind::takeover) continue;
    auto table = link_decode<RouteTable>(frame->payload);
    takeover.listen_fd = channel->take_passed_fd();
    if (!table || takeover.listen_fd < 0) return refused("its answer is malformed");
    takeover.table = std::move(*table);
    takeover.predecessor = std::make_shared<LinkChannel>(std::move(*channel));
    return takeover;
  }
  return refused("it did not answer in time");
}

struct LinkServer::Parts {
  Gateway& gateway;
  const std::string path;
  const std::function<void()> replaced;
  int listen_fd = -1;
  int wakeup = -1;
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::set<std::string> woken;  // services to tell of
  std::thread thread;

  LinkChannel controller;
  LinkChannel greeting;  // connected, has not said hello
  LinkChannel successor;
  std::chrono::steady_clock::time_point next_readings{};

  void run();
  void accept();
  void greet();
  void hear_controller();
  void hear_successor();
  void send_readings();
  void send_wakes();
};

LinkServer::LinkServer(Gateway& gateway, std::string path, std::function<void()> replaced)
    : parts_(new Parts{gateway, std::move(path), std::move(replaced)}) {}

LinkServer::~LinkServer() { stop(); }

Result<void> LinkServer::start() {
  Parts& parts = *parts_;
  const auto bound = bind_link(parts.path);
  if (!bound) return std::unexpected(bound.error());
  parts.listen_fd = *bound;
  parts.wakeup = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  parts.gateway.on_wake([&parts](const std::string& service) {
    {
      const std::lock_guard lock(parts.mutex);
      parts.woken.insert(service);
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(parts.wakeup, &one, sizeof one);
  });
  parts.thread = std::thread([&parts] { parts.run(); });
  return {};
}

void LinkServer::stop() {
  Parts& parts = *parts_;
  if (!parts.thread.joinable()) return;
  parts.gateway.on_wake({});
  parts.stopping.store(true);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(parts.wakeup, &one, sizeof one);
  parts.thread.join();
  if (parts.listen_fd >= 0) {
    ::close(parts.listen_fd);
    ::unlink(parts.path.c_str());
  }
  ::close(parts.wakeup);
  parts.controller.close();
  parts.greeting.close();
  parts.successor.close();
}

void LinkServer::Parts::run() {
  while (!stopping.load()) {
    // poll() skips descriptors below zero.
    std::array<pollfd, 5> waiting{{{listen_fd, POLLIN, 0},
                                   {wakeup, POLLIN, 0},
                                   {controller.fd(), POLLIN, 0},
                                   {greeting.fd(), POLLIN, 0},
                                   {successor.fd(), POLLIN, 0}}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(next_readings - std::chrono::steady_clock::now());
    const int limit = controller.is_open() ? static_cast<int>(std::max<std::int64_t>(left.count() + 1, 0)) : -1;
    ::poll(waiting.data(), waiting.size(), limit);
    if (waiting[1].revents) {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(wakeup, &count, sizeof count);
      send_wakes();
    }
    if (waiting[2].revents) hear_controller();
    if (waiting[4].revents) hear_successor();
    if (waiting[3].revents) greet();
    if (waiting[0].revents) accept();
    if (controller.is_open() && std::chrono::steady_clock::now() >= next_readings) send_readings();
  }
}

void LinkServer::Parts::accept() {
  const int fd = ::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  const timeval limit{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  greeting = LinkChannel{fd};
}

void LinkServer::Parts::greet() {
  if (!greeting.receive()) return;
  const auto frame = greeting.next();
  if (!frame) return;
  const auto hello = link_decode<LinkHello>(frame->payload);
  if (frame->kind != LinkKind::hello || !hello || hello->magic != LinkHello{}.magic) return greeting.close();
  LinkHello answer;
  answer.role = LinkRole::gateway;
  if (!greeting.send(LinkKind::hello, link_encode(answer)) || hello->version != link_version) return greeting.close();
  if (hello->role == LinkRole::successor) {
    successor = std::move(greeting);
    const auto shared = gateway.share_listener();
    if (!shared) return successor.close();
    [[maybe_unused]] const bool sent = successor.send(LinkKind::takeover, link_encode(gateway.table()), *shared);
    ::close(*shared);
    return;
  }
  controller = std::move(greeting);
  next_readings = {};
  hear_controller();
}

void LinkServer::Parts::hear_controller() {
  if (!controller.receive()) return;
  std::optional<RouteTable> newest;
  while (auto frame = controller.next()) {
    if (frame->kind != LinkKind::table) continue;
    newest = link_decode<RouteTable>(frame->payload);
    if (!newest) return controller.close();
  }
  if (newest) gateway.push(*newest);
}

void LinkServer::Parts::hear_successor() {
  if (!successor.receive()) return;
  const auto frame = successor.next();
  if (!frame || frame->kind != LinkKind::serving) return;
  gateway.stop_accepting();
  // The path is the successor's now: the controller finds it there.
  ::close(std::exchange(listen_fd, -1));
  controller.close();
  successor.close();
  replaced();
}

void LinkServer::Parts::send_readings() {
  next_readings = std::chrono::steady_clock::now() + readings_period;
  const GatewayReadings readings = gateway.latest();
  ByteWriter writer;
  writer(readings.taken, readings.samples);
  [[maybe_unused]] const bool sent = controller.send(LinkKind::readings, writer.bytes());
}

void LinkServer::Parts::send_wakes() {
  std::set<std::string> services;
  {
    const std::lock_guard lock(mutex);
    services.swap(woken);
  }
  if (!controller.is_open() || services.empty()) return;
  // Readings first: the tick that follows must see the request that waits.
  send_readings();
  for (const std::string& service : services)
    if (!controller.send(LinkKind::wake, link_encode(service))) return;
}

}  // namespace tidegate
