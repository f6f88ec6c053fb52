// A service and its replicas as the gateway's thread knows them between two route tables.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edge/gateway/balancer.h"
#include "edge/gateway/gateway_stats.h"
#include "edge/gateway/waiting_room.h"
#include "edge/net/event_loop.h"
#include "edge/ports/gateway_link.h"

namespace tidegate {

class Proxy;
class UpstreamConnection;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// An endpoint with its host name looked up; length 0: it could not be.
struct ResolvedEndpoint {
  Endpoint endpoint;
  SocketAddress address;
};
struct ResolvedRoute {
  Route route;
  std::vector<ResolvedEndpoint> endpoints;
};

struct RoutedReplica {
  std::uint32_t id = 0;  // unique in this process, for affinity
  Endpoint endpoint;
  SocketAddress address;
  ReplicaLoad load;
  bool removed = false;                   // no longer in the table: ends with its last request
  std::vector<UpstreamConnection*> idle;  // last used at the back
  std::shared_ptr<ReplicaTally> tally;
};

class RoutedService : public EventHandler {
 public:
  RoutedService(Proxy& proxy, std::string name);

  // A timer of its own: expiries of the waiting room and the end of suspicion.
  void on_events(std::uint32_t) override {}
  void on_timer() override;

  void update(const ResolvedRoute& resolved);
  // The table no longer has it: everybody who waits is told, replicas end with their requests.
  void remove();

  [[nodiscard]] RoutedReplica* pick(Instant now, std::uint32_t preferred, const RoutedReplica* avoid) const;
  [[nodiscard]] ServiceOutlook outlook() const;
  // Serves who waits, in order, while there are slots; then sets the timer.
  void dispatch();
  void schedule();
  void learn_service_time(Duration took);
  // Tells the controller that a request waits and no replica serves, at most every 100 ms.
  void wake_if_nobody_serves();
  void reap();
  [[nodiscard]] bool is_unused() const { return removed_ && replicas_.empty() && room.size() == 0 && users == 0; }

  const std::string name;
  Route route;
  WaitingRoom room;
  AffinityTable affinity;
  std::shared_ptr<ServiceTally> tally;
  std::int32_t users = 0;  // exchanges that point here

 private:
  [[nodiscard]] RoutedReplica* find(const Endpoint& endpoint) const;
  void add(const ResolvedEndpoint& resolved);
  void refresh_loads();

  Proxy& proxy_;
  Timer timer_;
  bool removed_ = false;
  Duration service_mean_{};
  Instant woken_{};
  std::vector<std::unique_ptr<RoutedReplica>> replicas_;
  std::vector<RoutedReplica*> serving_;    // in the table, by id
  std::vector<const ReplicaLoad*> loads_;  // of serving_
};

}  // namespace tidegate
