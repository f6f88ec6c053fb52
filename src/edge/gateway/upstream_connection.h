// One connection to a replica: idle in its pool, or serving one exchange.
#pragma once

#include <cstdint>
#include <string_view>

#include "edge/net/event_loop.h"

namespace tidegate {

class Exchange;
class Proxy;
struct RoutedReplica;

class UpstreamConnection : public EventHandler {
 public:
  UpstreamConnection(Proxy& proxy, RoutedReplica& replica);
  ~UpstreamConnection() override;

  // Takes an idle connection or opens one for the exchange; null: it cannot be opened.
  [[nodiscard]] static UpstreamConnection* take(Proxy& proxy, RoutedReplica& replica, Exchange& exchange);

  void on_events(std::uint32_t events) override;
  void on_timer() override;

  // As ::send(): bytes taken, 0 when none can be taken now, -1 when the connection is broken.
  [[nodiscard]] long send(std::string_view bytes);
  [[nodiscard]] bool is_connected() const { return connected_; }
  // It served a request before: a failure now may only mean that the replica closed it in between.
  [[nodiscard]] bool is_reused() const { return reused_; }
  // The client takes bytes again.
  void resume();
  // A write failed: reads what the replica said before it closed (an early 413). False: nothing.
  [[nodiscard]] bool read_last_words();
  // Back to the pool.
  void release();
  void close();

 private:
  void read_some();
  Proxy& proxy_;
  RoutedReplica& replica_;
  Exchange* exchange_ = nullptr;
  int fd_ = -1;
  bool connected_ = false;
  bool reused_ = false;
  bool readable_ = false;
  bool ending_ = false;  // the replica closed its side: read to the end
  bool pooled_ = false;
  Timer timer_;
};

}  // namespace tidegate
