// One request and its response: routed, held until a replica has a slot, sent, possibly sent again, passed
// back byte by byte.
//
// A request is kept whole until the first byte of the answer (up to 1 MiB), so that a replica that dies before
// answering costs nothing; after that byte it is never sent twice. The client going away cancels the upstream
// at once. Times: ttft = arrival to the first server-sent event (or first body byte) passed on, itl = between
// events, latency = arrival to the last byte, queue_wait = arrival to the first dispatch. A client that sends
// X-Tidegate-Timing is told the last as "Server-Timing: queue;dur=MS"; for others the replica's head stays as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "edge/gateway/balancer.h"
#include "edge/gateway/body_scanner.h"
#include "edge/gateway/error_response.h"
#include "edge/gateway/head_rewrite.h"
#include "edge/gateway/sse_counter.h"
#include "edge/gateway/waiting_room.h"
#include "edge/net/framing.h"

namespace tidegate {

class ClientConnection;
class Proxy;
class RoutedService;
class UpstreamConnection;
struct RoutedReplica;

class Exchange : public Held {
 public:
  explicit Exchange(Proxy& proxy) : proxy_(proxy) {}

  // Forgets the request before, keeping small buffers.
  void reset();

  // From the client's connection. Each may end the exchange, after which it must not be touched.
  void begin(ClientConnection& client, const Head& head);
  // Takes body bytes; answers how many belong to this request.
  [[nodiscard]] std::size_t take_body(std::string_view bytes);
  [[nodiscard]] bool wants_body() const;
  void client_drained();
  void client_gone();
  void deadline_passed();
  [[nodiscard]] Instant deadline_from(Instant active) const;

  // From the service: a replica has a slot; or the wait is over.
  void assign(RoutedReplica& replica);
  void expired();
  void service_removed();
  [[nodiscard]] std::uint32_t preferred_replica() const;
  [[nodiscard]] const RoutedReplica* failed_replica() const { return failed_; }

  // From the upstream connection.
  void flush_request();
  [[nodiscard]] bool takes_response() const;
  void response_bytes(std::string_view bytes);
  void upstream_ended();
  void upstream_failed();

 private:
  enum class Phase : std::uint8_t { idle, routing, waiting, sending, responding, tunnel };
  enum class Outcome : std::uint8_t { passed, failed, rejected, cancelled };

  // exchange.cc: the request's side.
  void begin_routing(const Head& head);
  [[nodiscard]] bool answer_by_itself(const Head& head);
  void note_marks(const Head& head);
  void scan(std::string_view payload);
  void route_if_known();
  void refuse_route();
  void admit();
  void find_affinity();
  void hold();
  void reply(const OwnAnswer& answer, Outcome outcome);
  void reject(std::string_view code, std::string message);
  [[nodiscard]] bool send_again();
  void release_replica();
  [[nodiscard]] RoutedService* detach();
  void end(Outcome outcome);
  void tally_slo(bool failed);
  void leave(bool keep);

  // exchange_response.cc: the way back.
  void response_head_bytes(std::string_view bytes);
  void begin_response(const Head& head, std::string_view raw_head, std::string_view rest);
  void begin_tunnel(const Head& head, std::string_view rest);
  void begin_after_heartbeat(const Head& head, std::string_view rest);
  void response_body(std::string_view head, std::string_view bytes);
  void rechunk_body(std::string_view bytes);
  void heartbeat();
  [[nodiscard]] bool note_payload(std::string_view payload);
  void note_first_token();
  void free_replica();
  void finish_response();
  void break_response();
  void write_failed();

  Proxy& proxy_;
  ClientConnection* client_ = nullptr;
  RoutedService* service_ = nullptr;
  RoutedReplica* replica_ = nullptr;
  const RoutedReplica* failed_ = nullptr;  // the one that just failed this request
  UpstreamConnection* upstream_ = nullptr;

  Phase phase_ = Phase::idle;
  bool is_head_ = false;
  bool is_http_10_ = false;
  bool keep_alive_ = true;
  bool upgrade_ = false;
  bool needs_model_ = false;
  bool is_client_retry_ = false;
  bool wants_timing_ = false;  // the client asks how long we held the request
  bool room_is_full_ = false;
  bool replayable_ = true;
  bool started_ = false;    // the replica has begun to answer
  bool head_sent_ = false;  // a heartbeat has sent 200 already
  bool rechunks_ = false;   // our own chunks around the replica's body
  bool closes_ = false;     // the client's connection ends with this response
  bool upstream_reusable_ = false;
  bool is_sse_ = false;
  bool junk_after_body_ = false;
  std::int16_t status_ = 0;
  std::int16_t attempts_ = 0;
  std::int16_t stale_ = 0;  // failures of kept-alive connections, no blame
  std::size_t route_ = 0;

  BodyFraming body_in_;
  BodyFraming body_out_;
  std::unique_ptr<BodyScanner> scanner_;
  std::string host_;
  std::string path_;
  std::string request_;  // rewritten head and body; sent up to sent_
  std::size_t head_bytes_ = 0;
  std::size_t sent_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::string response_head_;  // a response head not complete yet
  AffinityKeys keys_;
  Duration patience_{};

  Instant dispatched_{};
  Instant first_token_{};
  Instant last_token_{};
  Instant heartbeat_at_{};
  std::uint64_t tokens_ = 0;
  SseCounter sse_;
};

}  // namespace tidegate
