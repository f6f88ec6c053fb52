// The way back: a replica's bytes to the client.
#include <fmt/format.h>

#include "edge/gateway/client_connection.h"
#include "edge/gateway/exchange.h"
#include "edge/gateway/proxy.h"
#include "edge/gateway/routed_service.h"
#include "edge/gateway/upstream_connection.h"

namespace tidegate {

bool Exchange::takes_response() const { return !client_->has_backlog(); }

void Exchange::response_bytes(std::string_view bytes_in) {
  switch (phase_) {
    case Phase::sending:
      started_ = true;
      return response_head_bytes(bytes_in);
    case Phase::responding:
      if (rechunks_) return rechunk_body(bytes_in);
      return response_body({}, bytes_in);
    case Phase::tunnel:
      service_->tally->bytes_out.add(bytes_in.size());
      if (!client_->write(bytes_in)) write_failed();
      return;
    default:
      return;
  }
}

void Exchange::response_head_bytes(std::string_view bytes_in) {
  std::string joined;
  if (!response_head_.empty()) {
    response_head_.append(bytes_in);
    joined.swap(response_head_);
    bytes_in = joined;
  }
  while (true) {
    const HeadParse parse = proxy_.response_parser.response(bytes_in, is_head_);
    if (parse.parse == Parse::bad) return upstream_failed();
    if (parse.parse == Parse::incomplete) {
      response_head_.assign(bytes_in);
      return;
    }
    const Head& head = proxy_.response_parser.head();
    const std::string_view raw = bytes_in.substr(0, parse.consumed);
    bytes_in.remove_prefix(parse.consumed);
    if (head.status == 101) return upgrade_ ? begin_tunnel(head, bytes_in) : upstream_failed();
    if (head.status >= 200) return begin_response(head, raw, bytes_in);
    // 100 was answered by us; other interim heads (103) are for the client.
    if (head.status != 100 && !is_http_10_ && !head_sent_ && !client_->write(raw)) return write_failed();
    if (bytes_in.empty()) return;
  }
}

void Exchange::begin_response(const Head& head, std::string_view raw_head, std::string_view rest) {
  phase_ = Phase::responding;
  replica_->load.succeeded();
  status_ = static_cast<std::int16_t>(head.status);
  body_out_ = BodyFraming(head.body, head.content_length);
  upstream_reusable_ = head.keep_alive && !head.is_http_10 && head.body != BodyKind::until_close;
  is_sse_ = head.content_type.starts_with("text/event-stream");
  if (head_sent_) return begin_after_heartbeat(head, rest);
  closes_ = !keep_alive_ || head.body == BodyKind::until_close || proxy_.is_draining() || !body_in_.is_done();
  std::string timing;
  if (wants_timing_) timing = fmt::format("Server-Timing: queue;dur={:.3f}\r\n", seconds(dispatched_ - arrival) * 1e3);
  const ResponseRewrite rewrite{.close = closes_, .added = timing};
  if (passes_unchanged(head, rewrite)) {
    // Head and body stand side by side: one piece, no copy.
    return response_body(raw_head, rest);
  }
  proxy_.head_scratch.clear();
  append_response_head(proxy_.head_scratch, head, rewrite);
  response_body(proxy_.head_scratch, rest);
}

void Exchange::begin_tunnel(const Head& head, std::string_view rest) {
  replica_->load.succeeded();
  proxy_.head_scratch.clear();
  append_response_head(proxy_.head_scratch, head, {.upgrade = true});
  status_ = 101;
  phase_ = Phase::tunnel;
  closes_ = true;
  if (!client_->write(proxy_.head_scratch, rest)) return write_failed();
  client_->resume_reading();
}

// The client has 200 and an event stream already: pass events on, tell anything else as an event.
void Exchange::begin_after_heartbeat(const Head& head, std::string_view rest) {
  closes_ = true;
  if (head.status != 200 || !is_sse_) {
    return reply({502, "replica_failed", fmt::format("the replica answered {}", head.status)}, Outcome::failed);
  }
  rechunks_ = head.body != BodyKind::chunked;
  if (rechunks_) return rechunk_body(rest);
  response_body({}, rest);
}

void Exchange::note_first_token() {
  first_token_ = proxy_.now();
  service_->tally->ttft.record(first_token_ - arrival);
  replica_->tally->ttft.record(first_token_ - dispatched_);
}

bool Exchange::note_payload(std::string_view payload) {
  if (!is_sse_) {
    if (first_token_ == Instant{} && !payload.empty()) note_first_token();
    return true;
  }
  const std::uint32_t events = sse_.count(payload);
  if (events == 0) return true;
  const Instant now = proxy_.now();
  std::uint32_t gaps = events;
  if (first_token_ == Instant{}) {
    note_first_token();
    last_token_ = now;
    --gaps;
  }
  if (gaps > 0) {
    const Duration gap = (now - last_token_) / static_cast<std::int64_t>(gaps);
    service_->tally->itl.record(gap, gaps);
    replica_->tally->itl.record(gap, gaps);
    last_token_ = now;
  }
  tokens_ += events;
  service_->tally->tokens.add(events);
  return true;
}

// Passes on `head` (possibly empty) and as much of `bytes` as belongs to the body.
void Exchange::response_body(std::string_view head, std::string_view bytes_in) {
  const auto step = body_out_.advance(bytes_in, [this](std::string_view payload) { (void)note_payload(payload); });
  if (step.bad) return break_response();
  junk_after_body_ = step.consumed < bytes_in.size();
  const std::string_view body = bytes_in.substr(0, step.consumed);
  service_->tally->bytes_out.add(head.size() + body.size());
  if (body_out_.is_done()) free_replica();
  const bool adjacent = head.data() + head.size() == body.data();
  const bool written = adjacent ? client_->write({head.data(), head.size() + body.size()}) : client_->write(head, body);
  if (!written) return write_failed();
  if (body_out_.is_done()) finish_response();
}

void Exchange::rechunk_body(std::string_view bytes_in) {
  std::string out;
  const auto step = body_out_.advance(bytes_in, [&](std::string_view payload) {
    (void)note_payload(payload);
    out += fmt::format("{:x}\r\n", payload.size());
    out.append(payload).append("\r\n");
  });
  if (step.bad) return break_response();
  if (body_out_.is_done()) {
    out += "0\r\n\r\n";
    free_replica();
  }
  if (!out.empty() && !client_->write(out)) return write_failed();
  if (body_out_.is_done()) finish_response();
}

// A held stream gets its head and a comment now, so that nobody in between takes it for dead.
void Exchange::heartbeat() {
  std::string_view head;
  if (!head_sent_)
    head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
  head_sent_ = true;
  heartbeat_at_ = proxy_.now() + service_->route.hold.heartbeat_period;
  // A client that does not even take these is not waited for.
  if (client_->has_backlog() || !client_->write(head, "b\r\n: waiting\n\n\r\n")) return write_failed();
  client_->touch();
}

void Exchange::upstream_ended() {
  if (phase_ == Phase::responding && body_out_.kind() == BodyKind::until_close) {
    if (rechunks_ && !client_->write("0\r\n\r\n")) return write_failed();
    upstream_reusable_ = false;
    return finish_response();
  }
  if (phase_ == Phase::tunnel) {
    upstream_reusable_ = false;
    return finish_response();
  }
  upstream_failed();
}

// The replica's part is over: its slot goes to the next request, before the client gets the last bytes of this
// one, because a slot that waits is capacity lost.
void Exchange::free_replica() {
  const bool reusable = upstream_reusable_ && body_in_.is_done() && sent_ == request_.size() && !junk_after_body_ &&
                        phase_ != Phase::tunnel;
  if (reusable)
    upstream_->release();
  else
    upstream_->close();
  upstream_ = nullptr;
  replica_->tally->completions.add();
  if (status_ >= 500) replica_->tally->failures.add();
  const Duration took = proxy_.now() - dispatched_;
  replica_->tally->latency.record(took);
  if (phase_ != Phase::tunnel) service_->learn_service_time(took);
  release_replica();
  service_->dispatch();
}

void Exchange::finish_response() {
  if (replica_) free_replica();
  end(Outcome::passed);
  leave(!closes_ && body_in_.is_done());
}

// Too late to try elsewhere: the client must see at once that the response is not whole.
void Exchange::break_response() {
  const bool reset = body_out_.kind() == BodyKind::until_close;
  replica_->tally->failures.add();
  RoutedService* freed = detach();
  end(Outcome::failed);
  if (freed) freed->dispatch();
  phase_ = Phase::idle;
  client_->exchange_broken(reset);
}

void Exchange::write_failed() {
  ClientConnection* client = client_;
  client_gone();
  client->exchange_broken(false);
}

}  // namespace tidegate
