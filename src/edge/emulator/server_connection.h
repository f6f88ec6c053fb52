// One client of the emulated server: reads a request whole, hands it over, writes what is said to it. One request at
// a time; the next one is read when the answer is out. The client hanging up ends its request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edge/emulator/generation_request.h"
#include "edge/net/event_loop.h"
#include "edge/net/framing.h"

namespace tidegate {

class ModelServer;

// A request read whole.
struct ServerCall {
  std::string method;
  std::string path;  // without the query
  EmulateFields fields;
  std::string body;
  bool keep_alive = true;
  bool is_http_10 = false;
};

class ServerConnection final : public EventHandler {
 public:
  ServerConnection(ModelServer& server, int fd);
  ~ServerConnection() override;

  void on_events(std::uint32_t events) override;
  void on_timer() override;

  // A whole answer; ends the call.
  void answer(int status, std::string_view type, std::string_view body);
  // An answer that comes in pieces: bytes appended to stream() go out at flush_stream().
  void begin_stream();
  [[nodiscard]] std::string& stream() { return stream_; }
  void flush_stream();
  void end_stream();
  [[nodiscard]] bool has_backlog() const { return !out_.empty(); }
  // Ends the connection, whatever is under way.
  void close();

  std::optional<std::uint64_t> generation;  // the engine request it waits for
  std::size_t index = 0;                    // in the server's list
  bool needs_flush = false;

 private:
  enum class At : std::uint8_t { head, body, answer };

  void read_some();
  void advance();
  [[nodiscard]] bool take_head();
  [[nodiscard]] bool take_body();
  void refuse(int status, std::string_view reason);
  void write_chunk(std::string_view tail);
  void call_ended();
  void write(std::string_view first, std::string_view second = {}, std::string_view third = {});
  [[nodiscard]] bool flush();
  void arm();

  ModelServer& server_;
  int fd_;
  At at_ = At::head;
  bool readable_ = false;
  bool advancing_ = false;
  bool close_when_flushed_ = false;
  Timer timer_;
  ServerCall call_;
  BodyFraming framing_;
  std::string in_;
  std::string out_;     // what the socket did not take
  std::string stream_;  // a chunk being put together
};

}  // namespace tidegate
