#include "edge/gateway/proxy.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "edge/gateway/client_connection.h"
#include "edge/gateway/error_response.h"
#include "edge/gateway/exchange.h"

namespace tidegate {
namespace {
constexpr std::size_t spare_max = 64;
constexpr Duration reap_gap = 50ms;
constexpr Duration drain_grace = 1s;
}  // namespace

Proxy::Proxy(const GatewayOptions& given, EventLoop& event_loop, GatewayStats& gateway_stats)
    : options(given),
      loop(event_loop),
      stats(gateway_stats),
      client_scratch(std::make_unique<char[]>(scratch_bytes)),
      upstream_scratch(std::make_unique<char[]>(scratch_bytes)),
      timer_(*this) {}

Proxy::~Proxy() {
  // What still runs is cut. Clients first: they give their requests back.
  drained_ = {};
  draining_ = true;
  while (!clients_.empty()) clients_.back()->on_events(EPOLLHUP);
  for (auto& [name, service] : services_) service->remove();
}

void Proxy::listen(int fd) {
  listener_.adopt(fd);
  [[maybe_unused]] const bool watched = loop.watch(fd, *this, true);
}

void Proxy::stop_accepting() {
  if (listener_.fd() >= 0) loop.unwatch(listener_.fd());
  listener_.close();
}

void Proxy::on_events(std::uint32_t) {
  if (listener_.fd() >= 0) accept_some();
}

void Proxy::accept_some() {
  for (int i = 0; i < 64; ++i) {
    const Listener::Accepted accepted = listener_.accept();
    if (accepted.fd < 0) return;
    if (clients_.size() >= static_cast<std::size_t>(options.connections_max)) {
      refuse(accepted.fd);
      continue;
    }
    auto client = std::make_unique<ClientConnection>(*this, accepted.fd, accepted.peer);
    if (!loop.watch(accepted.fd, *client)) continue;
    client->index = clients_.size();
    client->touch();
    clients_.push_back(client.release());
    stats.connections.set(clients_.size());
  }
}

void Proxy::refuse(int fd) {
  stats.connections_refused.add();
  const std::string answer =
      error_response({503, "too_many_connections", "the gateway has as many connections as it may", 1}, false, true);
  [[maybe_unused]] const auto sent = ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(fd);
}

void Proxy::closed(ClientConnection& client) {
  clients_[client.index] = clients_.back();
  clients_[client.index]->index = client.index;
  clients_.pop_back();
  stats.connections.set(clients_.size());
  loop.bury(std::unique_ptr<EventHandler>(&client));
  if (draining_ && clients_.empty() && drained_) drained_();
}

void Proxy::drain(std::function<void()> drained) {
  stop_accepting();
  draining_ = true;
  idle_until_ = now() + drain_grace;
  drained_ = std::move(drained);
  const std::vector<ClientConnection*> all = clients_;
  for (ClientConnection* client : all) client->touch();
  if (clients_.empty() && drained_) drained_();
}

void Proxy::apply(std::vector<ResolvedRoute> routes) {
  RouteTable table;
  has_table_ = true;
  by_route_.clear();
  std::map<std::string, std::unique_ptr<RoutedService>> kept;
  for (const ResolvedRoute& one : routes) {
    table.routes.push_back(one.route);
    auto& service = kept[one.route.service];
    if (!service) {
      const auto known = services_.find(one.route.service);
      if (known != services_.end() && known->second)
        service = std::move(known->second);
      else
        service = std::make_unique<RoutedService>(*this, one.route.service);
    }
    by_route_.push_back(service.get());
  }
  services_.swap(kept);
  // Nothing is dispatched before the new table stands as a whole.
  router = Router(table);
  for (auto& [name, service] : kept) {
    if (!service) continue;
    service->remove();
    leaving_.push_back(std::move(service));
  }
  for (std::size_t i = 0; i < routes.size(); ++i) by_route_[i]->update(routes[i]);
  reap_soon();
}

void Proxy::reap_soon() { loop.arm(timer_, now() + reap_gap); }

void Proxy::on_timer() {
  for (auto& [name, service] : services_) service->reap();
  std::erase_if(leaving_, [this](const std::unique_ptr<RoutedService>& service) {
    service->reap();
    if (!service->is_unused()) return false;
    if (!services_.contains(service->name)) stats.forget_service(service->name);
    return true;
  });
  if (!leaving_.empty()) loop.arm(timer_, now() + 1s);
}

std::unique_ptr<Exchange> Proxy::take_exchange() {
  if (spare_.empty()) return std::make_unique<Exchange>(*this);
  auto exchange = std::move(spare_.back());
  spare_.pop_back();
  return exchange;
}

void Proxy::give_back(std::unique_ptr<Exchange> exchange) {
  // Its own frames may still be on the stack: it is parked until the end of the batch.
  returned_.push_back(std::move(exchange));
  if (returned_.size() == 1) loop.again(recycler_);
}

void Proxy::Recycler::on_events(std::uint32_t) {
  for (auto& exchange : proxy.returned_) {
    if (proxy.spare_.size() == spare_max) break;
    exchange->reset();
    proxy.spare_.push_back(std::move(exchange));
  }
  proxy.returned_.clear();
}

}  // namespace tidegate
