// Stands between a client and a server on loopback and spoils what the server says: cuts, delays, garbles, swallows.
// What becomes of a connection is decided when it is made, by its number.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/base/time.h"
#include "edge/net/testing/test_sockets.h"

namespace tidegate {

// Bytes are counted in what the server says on this connection.
struct ConnectionFault {
  bool refuses = false;                          // closed at once
  std::optional<std::size_t> cut_at = {};        // closed after so many bytes
  std::optional<std::size_t> mute_at = {};       // open, and nothing passes from there on
  std::optional<std::size_t> garble_every = {};  // again and again after so many, eight bytes are no text
  Duration delay{};                              // before each piece
};

class FaultProxy {
 public:
  using Plan = std::function<ConnectionFault(int connection)>;  // from 0

  FaultProxy(std::uint16_t upstream, Plan plan);
  ~FaultProxy();

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void relay(TestSocket& client);

  const std::uint16_t upstream_;
  const Plan plan_;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::unique_ptr<TestServer> server_;
};

}  // namespace tidegate
