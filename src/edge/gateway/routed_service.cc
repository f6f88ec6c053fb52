#include "edge/gateway/routed_service.h"

#include <algorithm>

#include "edge/gateway/exchange.h"
#include "edge/gateway/proxy.h"
#include "edge/gateway/upstream_connection.h"

namespace tidegate {
namespace {
constexpr Duration wake_gap = 100ms;
}

RoutedService::RoutedService(Proxy& proxy, std::string service)
    : name(std::move(service)), tally(proxy.stats.service(name)), proxy_(proxy), timer_(*this) {}

RoutedReplica* RoutedService::find(const Endpoint& endpoint) const {
  for (const auto& replica : replicas_)
    if (!replica->removed && replica->endpoint.replica == endpoint.replica && replica->endpoint.host == endpoint.host &&
        replica->endpoint.port == endpoint.port)
      return replica.get();
  return nullptr;
}

void RoutedService::add(const ResolvedEndpoint& resolved) {
  auto replica = std::make_unique<RoutedReplica>();
  replica->id = proxy_.next_replica_id();
  replica->endpoint = resolved.endpoint;
  replica->address = resolved.address;
  replica->tally = proxy_.stats.replica(name, resolved.endpoint.replica, resolved.endpoint.pool);
  replicas_.push_back(std::move(replica));
}

void RoutedService::update(const ResolvedRoute& resolved) {
  removed_ = false;
  route = resolved.route;
  for (const auto& replica : replicas_) {
    const bool stays = std::any_of(resolved.endpoints.begin(), resolved.endpoints.end(), [&](const auto& other) {
      return other.endpoint.replica == replica->endpoint.replica && other.endpoint.host == replica->endpoint.host &&
             other.endpoint.port == replica->endpoint.port;
    });
    if (!stays) replica->removed = true;
  }
  for (const ResolvedEndpoint& one : resolved.endpoints) {
    if (!find(one.endpoint)) add(one);
    RoutedReplica& replica = *find(one.endpoint);
    replica.endpoint = one.endpoint;
    replica.load.slots = std::max(one.endpoint.slots, 0);
    replica.load.draining = one.endpoint.draining;
    replica.tally->slots.set(static_cast<std::uint64_t>(replica.load.slots));
  }
  refresh_loads();
  reap();
  dispatch();
}

void RoutedService::remove() {
  removed_ = true;
  for (const auto& replica : replicas_) replica->removed = true;
  refresh_loads();
  while (Held* held = room.front()) {
    room.remove(*held);
    static_cast<Exchange*>(held)->service_removed();
  }
  proxy_.loop.disarm(timer_);
  reap();
}

void RoutedService::refresh_loads() {
  serving_.clear();
  loads_.clear();
  for (const auto& replica : replicas_)
    if (!replica->removed) serving_.push_back(replica.get());
  std::sort(serving_.begin(), serving_.end(),
            [](const auto* a, const auto* b) { return a->endpoint.replica < b->endpoint.replica; });
  for (const auto* replica : serving_) loads_.push_back(&replica->load);
}

void RoutedService::reap() {
  std::erase_if(replicas_, [this](const std::unique_ptr<RoutedReplica>& replica) {
    if (!replica->removed || replica->load.in_flight > 0) return false;
    while (!replica->idle.empty()) replica->idle.back()->close();
    const bool came_back = std::any_of(serving_.begin(), serving_.end(), [&](const auto* other) {
      return other->endpoint.replica == replica->endpoint.replica;
    });
    if (!came_back) proxy_.stats.forget_replica(name, replica->endpoint.replica);
    return true;
  });
}

RoutedReplica* RoutedService::pick(Instant now, std::uint32_t preferred, const RoutedReplica* avoid) const {
  int preferred_index = -1, avoid_index = -1;
  if (preferred != 0 || avoid) {
    for (std::size_t i = 0; i < serving_.size(); ++i) {
      if (serving_[i]->id == preferred) preferred_index = static_cast<int>(i);
      if (serving_[i] == avoid) avoid_index = static_cast<int>(i);
    }
  }
  const int best = pick_replica(loads_, now, preferred_index, avoid_index);
  return best < 0 ? nullptr : serving_[static_cast<std::size_t>(best)];
}

ServiceOutlook RoutedService::outlook() const {
  ServiceOutlook outlook{.service_mean = service_mean_, .time_to_ready = route.time_to_ready};
  for (const auto* load : loads_)
    if (!load->draining) outlook.slots += load->slots;
  return outlook;
}

void RoutedService::dispatch() {
  while (Held* held = room.front()) {
    auto* exchange = static_cast<Exchange*>(held);
    RoutedReplica* replica = pick(proxy_.now(), exchange->preferred_replica(), exchange->failed_replica());
    if (!replica) break;
    room.remove(*held);
    tally->queued.set(room.size());
    exchange->assign(*replica);
  }
  schedule();
}

void RoutedService::schedule() {
  tally->queued_bytes.set(static_cast<std::uint64_t>(std::max<std::int64_t>(room.bytes(), 0)));
  if (!room.front()) return;
  Instant due = room.next_expiry();
  const Instant now = proxy_.now();
  for (const auto* load : loads_)
    if (load->suspect_until > now) due = std::min(due, load->suspect_until);
  // While nobody serves, the controller is reminded.
  due = std::min(due, now + 1s);
  proxy_.loop.arm(timer_, due);
}

void RoutedService::on_timer() {
  while (Held* held = room.take_expired(proxy_.now())) static_cast<Exchange*>(held)->expired();
  wake_if_nobody_serves();
  dispatch();
}

void RoutedService::learn_service_time(Duration took) {
  // Mean over about the last 32 requests.
  service_mean_ = service_mean_ == Duration{} ? took : service_mean_ + (took - service_mean_) / 32;
}

void RoutedService::wake_if_nobody_serves() {
  if (!room.front()) return;
  for (const auto* load : loads_)
    if (!load->draining && load->slots > 0) return;
  const Instant now = proxy_.now();
  if (woken_ != Instant{} && now - woken_ < wake_gap) return;
  woken_ = now;
  proxy_.wake(name);
}

}  // namespace tidegate
