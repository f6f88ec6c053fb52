// The gateway's thread: everything that lives on its event loop, and what the parts share.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "edge/gateway/gateway.h"
#include "edge/gateway/gateway_stats.h"
#include "edge/gateway/routed_service.h"
#include "edge/gateway/router.h"
#include "edge/net/event_loop.h"
#include "edge/net/framing.h"
#include "edge/net/listener.h"

namespace tidegate {

class ClientConnection;
class Exchange;

class Proxy : public EventHandler {
 public:
  Proxy(const GatewayOptions& options, EventLoop& loop, GatewayStats& stats);
  ~Proxy() override;

  void listen(int fd);
  void stop_accepting();
  // Requests under way end; what comes within a second on connections still open is served too (a client may be
  // sending on one that looks idle), then idle ones close. Calls `drained` when nobody is left.
  void drain(std::function<void()> drained);
  void apply(std::vector<ResolvedRoute> routes);
  void set_wake(std::function<void(const std::string&)> wake) { wake_ = std::move(wake); }
  void wake(const std::string& service) {
    if (wake_) wake_(service);
  }

  void on_events(std::uint32_t) override;  // of the listening socket
  void on_timer() override;                // looks for services and replicas that nobody uses any more

  [[nodiscard]] Instant now() const { return loop.now(); }
  [[nodiscard]] RoutedService* service_at(std::size_t route) const { return by_route_[route]; }
  void closed(ClientConnection& client);
  [[nodiscard]] bool is_draining() const { return draining_; }
  [[nodiscard]] Instant idle_until() const { return idle_until_; }
  [[nodiscard]] bool has_table() const { return has_table_; }
  [[nodiscard]] std::uint32_t next_replica_id() { return ++replica_ids_; }
  void reap_soon();

  [[nodiscard]] std::unique_ptr<Exchange> take_exchange();
  void give_back(std::unique_ptr<Exchange> exchange);

  static constexpr std::size_t scratch_bytes = 64 * 1024;

  const GatewayOptions& options;
  EventLoop& loop;
  GatewayStats& stats;
  Router router;
  HeadParser request_parser;
  HeadParser response_parser;
  std::string head_scratch;  // a rewritten head on its way out
  std::unique_ptr<char[]> client_scratch;
  std::unique_ptr<char[]> upstream_scratch;

 private:
  // Takes ended exchanges apart once no frame of theirs is on the stack.
  struct Recycler : EventHandler {
    explicit Recycler(Proxy& owner) : proxy(owner) {}
    void on_events(std::uint32_t) override;
    Proxy& proxy;
  };

  void accept_some();
  void refuse(int fd);

  Listener listener_;
  std::map<std::string, std::unique_ptr<RoutedService>> services_;
  std::vector<std::unique_ptr<RoutedService>> leaving_;
  std::vector<RoutedService*> by_route_;
  std::vector<ClientConnection*> clients_;  // each knows its index
  std::vector<std::unique_ptr<Exchange>> spare_;
  std::vector<std::unique_ptr<Exchange>> returned_;
  Recycler recycler_{*this};
  std::function<void(const std::string&)> wake_;
  std::function<void()> drained_;
  Timer timer_;
  std::uint32_t replica_ids_ = 0;
  bool draining_ = false;
  bool has_table_ = false;
  Instant idle_until_ = Instant::max();
};

}  // namespace tidegate
