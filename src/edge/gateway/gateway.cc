#include "edge/gateway/gateway.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <mutex>
#include <thread>

#include "core/base/check.h"
#include "edge/gateway/gateway_metrics.h"
#include "edge/gateway/gateway_stats.h"
#include "edge/gateway/proxy.h"
#include "edge/net/event_loop.h"
#include "edge/net/listener.h"

namespace tidegate {
namespace {

SocketAddress resolve(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  SocketAddress address;
  if (::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0) return address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

std::vector<ResolvedRoute> resolve(const RouteTable& table) {
  std::vector<ResolvedRoute> routes;
  for (const Route& route : table.routes) {
    ResolvedRoute resolved{route, {}};
    for (const Endpoint& endpoint : route.endpoints) resolved.endpoints.push_back({endpoint, resolve(endpoint)});
    routes.push_back(std::move(resolved));
  }
  return routes;
}

}  // namespace

struct Gateway::Parts {
  Parts(GatewayOptions given, const Clock& live_clock)
      : options(std::move(given)),
        clock(live_clock),
        stats(static_cast<std::uint64_t>(live_clock.now().time_since_epoch().count())),
        loop(live_clock) {}

  const GatewayOptions options;
  const Clock& clock;
  GatewayStats stats;
  EventLoop loop;
  std::unique_ptr<Proxy> proxy;
  std::thread thread;
  int listen_fd = -1;
  std::uint16_t port = 0;
  bool started = false;
  std::atomic<bool> accepting{false};

  mutable std::mutex mutex;  // of what follows
  RouteTable table;
  std::function<void(const std::string&)> wake;
};

Gateway::Gateway(GatewayOptions options, const Clock& clock)
    : parts_(std::make_unique<Parts>(std::move(options), clock)) {}

Gateway::~Gateway() { stop(Duration{}); }

Result<void> Gateway::start() {
  Parts& parts = *parts_;
  CHECK(!parts.started);
  int fd = parts.options.listen_fd;
  if (fd < 0) {
    const auto address = parse_listen_address(parts.options.listen);
    if (!address) return std::unexpected(address.error());
    const auto opened = open_listening_socket(*address);
    if (!opened) return std::unexpected(opened.error());
    fd = *opened;
  }
  if (auto opened = parts.loop.open(); !opened) {
    ::close(fd);
    return opened;
  }
  parts.listen_fd = fd;
  parts.port = port_of(fd);
  parts.proxy = std::make_unique<Proxy>(parts.options, parts.loop, parts.stats);
  parts.proxy->set_wake([&parts](const std::string& service) {
    const std::lock_guard lock(parts.mutex);
    if (parts.wake) parts.wake(service);
  });
  if (parts.table != RouteTable{}) parts.proxy->apply(resolve(parts.table));
  parts.proxy->listen(fd);
  parts.started = true;
  parts.accepting.store(true);
  parts.thread = std::thread([&parts] {
    parts.loop.run();
    parts.proxy.reset();
  });
  return {};
}

std::uint16_t Gateway::port() const { return parts_->port; }

void Gateway::stop(Duration drain) {
  Parts& parts = *parts_;
  if (!parts.started || !parts.thread.joinable()) return;
  parts.accepting.store(false);
  if (drain > Duration{}) {
    auto drained = std::make_shared<std::promise<void>>();
    auto done = drained->get_future();
    parts.loop.post([&parts, drained] {
      parts.proxy->drain([drained, told = false]() mutable {
        if (!std::exchange(told, true)) drained->set_value();
      });
    });
    done.wait_for(drain);
  }
  parts.loop.stop();
  parts.thread.join();
}

void Gateway::push(const RouteTable& table) {
  Parts& parts = *parts_;
  {
    const std::lock_guard lock(parts.mutex);
    parts.table = table;
  }
  // Before start() it is kept, so that the first request finds it.
  if (!parts.started) return;
  parts.loop.post([&parts, routes = resolve(table)]() mutable { parts.proxy->apply(std::move(routes)); });
}

GatewayReadings Gateway::latest() {
  GatewayReadings readings;
  readings.taken = parts_->clock.now();
  readings.connected = parts_->started;
  readings.samples = parts_->stats.samples(readings.taken);
  return readings;
}

void Gateway::on_wake(std::function<void(const std::string& service)> wake) {
  const std::lock_guard lock(parts_->mutex);
  parts_->wake = std::move(wake);
}

std::string Gateway::metrics_page() const { return render_metrics(parts_->stats); }

RouteTable Gateway::table() const {
  const std::lock_guard lock(parts_->mutex);
  return parts_->table;
}

Result<int> Gateway::share_listener() const {
  const int copy = parts_->accepting.load() ? ::fcntl(parts_->listen_fd, F_DUPFD_CLOEXEC, 0) : -1;
  if (copy >= 0) return copy;
  return fail(ErrorKind::failed, fmt::format("cannot share the listening socket: {}", std::strerror(errno)));
}

void Gateway::stop_accepting() {
  if (!parts_->accepting.exchange(false)) return;
  auto done = std::make_shared<std::promise<void>>();
  auto stopped = done->get_future();
  parts_->loop.post([parts = parts_.get(), done] {
    parts->proxy->stop_accepting();
    done->set_value();
  });
  stopped.wait_for(1s);
}

}  // namespace tidegate
