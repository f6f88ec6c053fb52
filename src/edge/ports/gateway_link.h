// The link between controller and gateway: the same three messages whether both live in one process or two
// (a Unix socket, edge/gateway/link_protocol.h). The controller pushes versioned route tables; the gateway
// pushes readings and wakes. If the link drops, the gateway keeps its last table and the controller's readings
// turn stale.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/model/service_spec.h"
#include "core/signals/sample.h"

namespace tidegate {

struct Endpoint {
  std::string replica;  // id
  std::string pool;
  std::string host;
  std::uint16_t port = 0;
  std::int32_t slots = 1;  // requests at once; the rest waits in the gateway
  bool draining = false;   // gets nothing new
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(replica, pool, host, port, slots, draining);
  }
};

struct Route {
  std::string service;
  MatchSpec match;
  HoldSpec hold;
  Slo slo;
  bool affinity = true;
  std::vector<Endpoint> endpoints;
  Duration time_to_ready{};  // until the next replica is expected ready; 0 = unknown
  friend bool operator==(const Route&, const Route&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(service, match, hold, slo, affinity, endpoints, time_to_ready);
  }
};

struct RouteTable {
  std::uint64_t version = 0;
  std::vector<Route> routes;
  friend bool operator==(const RouteTable&, const RouteTable&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(version, routes);
  }
};

struct GatewayReadings {
  Instant taken{};
  bool connected = false;
  std::vector<Sample> samples;  // cumulative counters with the gateway's epoch, gauges, histograms
};

class GatewayLink {
 public:
  virtual ~GatewayLink() = default;
  virtual void push(const RouteTable& table) = 0;
  [[nodiscard]] virtual GatewayReadings latest() = 0;
  // Called, from any thread, when a request arrives that nothing can take. Must return at once.
  virtual void on_wake(std::function<void(const std::string& service)> wake) = 0;
  // False: there is no gateway, so its silence about a service or a replica says nothing.
  [[nodiscard]] virtual bool sees_traffic() const { return true; }
};

}  // namespace tidegate
