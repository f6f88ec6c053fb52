// The streaming HTTP/1.1 gateway in front of the replicas: routes, balances, holds and forwards requests on
// one thread of its own, with an epoll loop and no locks in the data path.
//
// It decides which replica serves which request, and in what order; it never decides how many replicas there
// are. It is its own GatewayLink, so a controller in the same process pushes tables and reads counters
// directly; edge/gateway/link_server.h puts the same link on a Unix socket.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "core/base/quantity.h"
#include "core/base/time.h"
#include "edge/ports/clock.h"
#include "edge/ports/gateway_link.h"

namespace tidegate {

struct GatewayOptions {
  std::string listen = "127.0.0.1:8080";  // HOST:PORT or [HOST]:PORT; port 0: any free one
  int listen_fd = -1;                     // a listening socket taken over; `listen` is then unused
  std::int32_t connections_max = 10'000;
  Duration idle_timeout = 75s;       // a kept-alive client that asks nothing
  Duration header_timeout = 10s;     // from the first byte of a head to its end
  Duration connect_timeout = 1s;     // to a replica
  Duration response_timeout = 600s;  // a replica that sends nothing
  Duration write_timeout = 60s;      // a client that takes nothing
  Bytes body_max{64LL << 20};
  bool trust_forwarded = false;  // keep the client's own X-Forwarded-* fields
};

class Proxy;

class Gateway : public GatewayLink {
 public:
  Gateway(GatewayOptions options, const Clock& clock);
  ~Gateway() override;
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Opens the listening socket and starts the thread. Once.
  [[nodiscard]] Result<void> start();
  // The port bound, after start().
  [[nodiscard]] std::uint16_t port() const;
  // Stops accepting, lets requests end until the deadline, cuts the rest, joins the thread. Idempotent.
  void stop(Duration drain);

  // GatewayLink. Host names of endpoints are resolved in the calling thread. A table pushed before start() is
  // served from the first request on.
  void push(const RouteTable& table) override;
  [[nodiscard]] GatewayReadings latest() override;
  void on_wake(std::function<void(const std::string& service)> wake) override;

  // Prometheus text format 0.0.4 of all counters (gateway_metrics.h).
  [[nodiscard]] std::string metrics_page() const;
  // The table last pushed.
  [[nodiscard]] RouteTable table() const;
  // A duplicate of the listening socket, for a successor. Both accept until stop_accepting().
  [[nodiscard]] Result<int> share_listener() const;
  // Returns once no more connection is taken.
  void stop_accepting();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tidegate
