// One client: reads requests one after the other, owns the exchange being served, writes responses. Idle it
// holds no buffer.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "edge/gateway/exchange.h"
#include "edge/net/event_loop.h"
#include "edge/net/framing.h"
#include "edge/net/listener.h"

namespace tidegate {

class Proxy;

class ClientConnection : public EventHandler {
 public:
  ClientConnection(Proxy& proxy, int fd, PeerAddress peer);
  ~ClientConnection() override;

  void on_events(std::uint32_t events) override;
  void on_timer() override;

  // Writes both pieces in one call; what the socket does not take is kept. False: the client is gone.
  [[nodiscard]] bool write(std::string_view first, std::string_view second = {});
  [[nodiscard]] bool has_backlog() const { return !out_.empty(); }
  // The exchange is over. `keep`: the connection serves the next request, else it closes once flushed.
  void exchange_ended(bool keep);
  // The exchange is over and the client must see that its response is not whole.
  void exchange_broken(bool reset);
  // The exchange takes body bytes again.
  void resume_reading();
  // Sets the timer for what is waited for now.
  void touch();

  [[nodiscard]] const PeerAddress& peer() const { return peer_; }
  std::size_t index = 0;  // in the proxy's list

 private:
  void read_some();
  [[nodiscard]] bool wants_input() const;
  void input(std::string_view bytes);
  void process(std::string_view bytes);
  [[nodiscard]] std::size_t process_head(std::string_view bytes);
  void refuse(const HeadParse& parse);
  [[nodiscard]] bool flush();
  void close_when_flushed();
  void linger();
  void close();
  void gone();
  [[nodiscard]] Instant deadline() const;

  Proxy& proxy_;
  int fd_;
  PeerAddress peer_;
  bool readable_ = false;
  bool peer_closed_ = false;
  bool closing_ = false;    // nothing more is served; closes once flushed
  bool lingering_ = false;  // everything written; waits for the client to read it
  bool processing_ = false;
  Timer timer_;
  Instant active_{};      // last progress
  Instant head_since_{};  // the first byte of a head not complete yet
  std::string in_;        // a head not complete yet, or requests after the present one
  std::string out_;       // what the socket did not take
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace tidegate
