// One connection of the load: at most one request on it at a time, kept alive between requests.
//
// A request whose kept connection turns out closed before any byte of an answer is sent once more on a new one,
// as every HTTP client does; anything else that goes wrong is that request's failure. The connection reports
// each end to its owner and then does nothing until it is given the next request or destroyed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "edge/load/endpoint.h"
#include "edge/load/load_tally.h"
#include "edge/load/response_reader.h"
#include "edge/net/event_loop.h"
#include "lab/sim/traffic.h"

namespace tidegate {

// A request under way.
struct Attempt {
  TrafficRequest request;
  std::uint64_t number = 0;  // in the order of the trace
  Instant due{};
  Instant sent{};
  Instant deadline{};
  std::size_t address = 0;  // which of the resolved ones
  bool sent_again = false;
  bool first_told = false;
  ResponseReader reader;
};

class LoadConnection;

// What a connection needs of its owner.
class LoadOwner {
 public:
  virtual ~LoadOwner() = default;
  [[nodiscard]] virtual EventLoop& loop() = 0;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual HeadParser& parser() = 0;
  [[nodiscard]] virtual std::string& buffer() = 0;  // for reading, shared
  [[nodiscard]] virtual std::string bytes_of(const Attempt& attempt) = 0;
  [[nodiscard]] virtual const SocketAddress* address(std::size_t index) const = 0;  // null: no more
  virtual void first_token(Instant at) = 0;

  // The request ended; `keep`: the connection can carry another. The connection may be destroyed by this.
  virtual void ended(LoadConnection& connection, std::unique_ptr<Attempt> attempt, std::string failure, bool keep) = 0;
  // The request must be sent once more, on a new connection; this one is closed.
  virtual void again(LoadConnection& connection, std::unique_ptr<Attempt> attempt) = 0;
  // The server closed a connection that carried nothing.
  virtual void idle_closed(LoadConnection& connection) = 0;
};

class LoadConnection final : public EventHandler {
 public:
  explicit LoadConnection(LoadOwner& owner) : owner_(owner), timer_(*this) {}
  ~LoadConnection() override;

  // Sends the request, after connecting when this connection is new.
  void begin(std::unique_ptr<Attempt> attempt);
  // Takes the request back, for one that is given up.
  [[nodiscard]] std::unique_ptr<Attempt> take() { return std::move(attempt_); }

  void on_events(std::uint32_t events) override;
  void on_timer() override;

  std::size_t place = 0;  // where its owner keeps it

 private:
  [[nodiscard]] bool connect();
  [[nodiscard]] bool flush();
  void read(bool peer_closed);
  void connect_failed(int error);
  void broken();
  void complete(bool peer_closed);
  void end(std::string failure, bool keep);

  LoadOwner& owner_;
  Timer timer_;
  int fd_ = -1;
  bool connecting_ = false;
  bool carried_one_ = false;  // a request before this one
  std::unique_ptr<Attempt> attempt_;
  std::string unsent_;
  std::size_t sent_ = 0;
};

}  // namespace tidegate
