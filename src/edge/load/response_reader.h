// Reads one response as its bytes come and notes when: the first token, the last, the end.
//
// A token is a server-sent event with data other than [DONE]; comments (heartbeats) are none. A response that is
// no event stream has its first body byte as first token. Strict as a gateway must be (edge/net/framing); what
// is malformed, cut, an event stream without a token, or an error told inside a 200 stream is a failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.h"
#include "edge/net/framing.h"

namespace tidegate {

class SseScanner {
 public:
  struct Seen {
    std::uint32_t tokens = 0;
    bool error = false;
  };
  Seen scan(std::string_view bytes);

 private:
  void end_line(Seen& seen);
  static constexpr std::size_t start_max = 16;  // of a line, as much as tells what it is
  std::string start_;
  bool has_data_ = false;
  bool is_done_ = false;
  bool is_error_ = false;
};

class ResponseReader {
 public:
  enum class Progress : std::uint8_t { more, complete, malformed };

  // Takes the next bytes, which came at `now`. The parser is shared by all readers of a thread.
  [[nodiscard]] Progress feed(std::string_view bytes, Instant now, HeadParser& parser);
  // The server closed the connection.
  [[nodiscard]] Progress closed(Instant now);

  [[nodiscard]] bool has_begun() const { return begun_; }
  // After `complete`: the connection can be used again.
  [[nodiscard]] bool keeps_connection() const { return keep_alive_ && !junk_; }
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool is_stream() const { return is_sse_; }
  [[nodiscard]] bool told_error() const { return told_error_; }
  [[nodiscard]] std::uint32_t tokens() const { return tokens_; }
  [[nodiscard]] std::optional<Instant> first() const { return first_; }
  [[nodiscard]] Instant last() const { return last_; }
  // How long the gateway held the request, when it says so (Server-Timing: queue).
  [[nodiscard]] std::optional<Duration> queue() const { return queue_; }

 private:
  [[nodiscard]] Progress head_bytes(std::string_view bytes, Instant now, HeadParser& parser);
  [[nodiscard]] Progress body_bytes(std::string_view bytes, Instant now);
  void begin_body(const Head& head);

  std::string head_;  // not complete yet
  BodyFraming body_;
  SseScanner sse_;
  bool begun_ = false;
  bool in_body_ = false;
  bool is_sse_ = false;
  bool keep_alive_ = false;
  bool junk_ = false;
  bool told_error_ = false;
  int status_ = 0;
  std::uint32_t tokens_ = 0;
  std::optional<Instant> first_;
  Instant last_{};
  std::optional<Duration> queue_;
};

// The dur, in milliseconds, of the entry "queue" of a Server-Timing value: "queue;dur=12.5, other".
[[nodiscard]] std::optional<Duration> queue_of(std::string_view server_timing);

}  // namespace tidegate
