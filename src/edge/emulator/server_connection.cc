#include "edge/emulator/server_connection.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "edge/emulator/generation_reply.h"
#include "edge/emulator/model_server.h"

namespace tidegate {
namespace {

constexpr Duration idle_max = 75s;                    // between requests
constexpr Duration request_max = 60s;                 // a request must be whole by then
constexpr Duration flush_max = 60s;                   // the client must read by then
constexpr std::size_t backlog_max = 8 * 1024 * 1024;  // a client that reads that little is gone
constexpr std::size_t pipelined_max = 64 * 1024;      // kept while a request is served

std::optional<std::int32_t> token_count(std::string_view text) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > generation_tokens_max)
    return std::nullopt;
  return value;
}

}  // namespace

ServerConnection::ServerConnection(ModelServer& server, int fd) : server_(server), fd_(fd), timer_(*this) { arm(); }

ServerConnection::~ServerConnection() {
  if (fd_ >= 0) ::close(fd_);
}

void ServerConnection::arm() {
  if (!out_.empty())
    server_.loop().arm(timer_, server_.loop().now() + flush_max);
  else if (at_ == At::answer)
    server_.loop().disarm(timer_);
  else
    server_.loop().arm(timer_, server_.loop().now() + (at_ == At::head && in_.empty() ? idle_max : request_max));
}

void ServerConnection::on_timer() { close(); }

void ServerConnection::close() {
  if (fd_ < 0) return;
  ::close(fd_);
  fd_ = -1;
  server_.loop().disarm(timer_);
  server_.connection_closed(*this);
}

void ServerConnection::on_events(std::uint32_t events) {
  if (fd_ < 0) return;
  if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) return close();
  if (events & EPOLLIN) readable_ = true;
  if ((events & EPOLLOUT) && !out_.empty() && !flush()) return close();
  if (fd_ >= 0 && readable_) read_some();
}

void ServerConnection::read_some() {
  char piece[16 * 1024];
  while (fd_ >= 0 && readable_) {
    if (at_ == At::answer && in_.size() >= pipelined_max) return;
    const auto got = ::recv(fd_, piece, sizeof piece, 0);
    if (got == 0) return close();
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return close();
      readable_ = false;
      return;
    }
    if (static_cast<std::size_t>(got) < sizeof piece) readable_ = false;
    in_.append(piece, static_cast<std::size_t>(got));
    advance();
  }
}

// Serves what has been read, request by request.
void ServerConnection::advance() {
  if (advancing_) return;
  advancing_ = true;
  while (fd_ >= 0 && !close_when_flushed_) {
    if (at_ == At::head && !take_head()) break;
    if (at_ == At::body && !take_body()) break;
    if (at_ == At::answer) break;
  }
  advancing_ = false;
}

bool ServerConnection::take_head() {
  if (in_.empty()) return false;
  HeadParser& parser = server_.head_parser();
  const HeadParse parse = parser.request(in_);
  if (parse.parse == Parse::incomplete) return arm(), false;
  if (parse.parse == Parse::bad) return refuse(parse.status, parse.reason), false;
  const Head& head = parser.head();
  if (head.body == BodyKind::length && head.content_length > generation_body_max)
    return refuse(413, "the body is larger than 16 MiB"), false;
  const std::string_view path = head.target.substr(0, head.target.find('?'));
  call_ = {.method = std::string{head.method},
           .path = std::string{path},
           .keep_alive = head.keep_alive,
           .is_http_10 = head.is_http_10};
  for (const HeadField& field : head.all()) {
    if (equals_ignoring_case(field.name, "x-emulate-input-tokens"))
      call_.fields.input_tokens = token_count(field.value);
    if (equals_ignoring_case(field.name, "x-emulate-output-tokens"))
      call_.fields.output_tokens = token_count(field.value);
  }
  framing_ = BodyFraming(head.body, head.content_length);
  if (head.expects_continue) write("HTTP/1.1 100 Continue\r\n\r\n");
  in_.erase(0, parse.consumed);
  at_ = At::body;
  return true;
}

bool ServerConnection::take_body() {
  const auto step = framing_.advance(in_, [&](std::string_view content) { call_.body.append(content); });
  if (step.bad) return refuse(400, "the chunked body is malformed"), false;
  if (call_.body.size() > generation_body_max) return refuse(413, "the body is larger than 16 MiB"), false;
  in_.erase(0, step.consumed);
  if (!framing_.is_done()) return arm(), false;
  at_ = At::answer;
  arm();
  server_.serve(*this, std::exchange(call_.body, {}), call_);
  return true;
}

void ServerConnection::refuse(int status, std::string_view reason) {
  at_ = At::answer;
  call_.keep_alive = false;
  answer(status, "application/json", server_error_json({.status = status, .type = "BadRequestError"}, reason));
}

void ServerConnection::answer(int status, std::string_view type, std::string_view body) {
  const std::string head =
      fmt::format("HTTP/1.1 {} {}\r\nserver: tidegate-emulator\r\ncontent-type: {}\r\ncontent-length: {}\r\n{}\r\n",
                  status, status_text(status), type, body.size(), call_.keep_alive ? "" : "connection: close\r\n");
  write(head, call_.method == "HEAD" ? std::string_view{} : body);
  call_ended();
}

void ServerConnection::begin_stream() {
  // Without chunks the end of the body is the end of the connection.
  if (call_.is_http_10) call_.keep_alive = false;
  write(fmt::format(
      "HTTP/1.1 200 OK\r\nserver: tidegate-emulator\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
      "cache-control: no-cache\r\n{}{}\r\n",
      call_.is_http_10 ? "" : "transfer-encoding: chunked\r\n", call_.keep_alive ? "" : "connection: close\r\n"));
}

void ServerConnection::flush_stream() { write_chunk("\r\n"); }

void ServerConnection::end_stream() {
  write_chunk("\r\n0\r\n\r\n");
  stream_ = {};
  call_ended();
}

// What has gathered, and what follows it; a stream never ends without a last piece.
void ServerConnection::write_chunk(std::string_view tail) {
  if (stream_.empty() || fd_ < 0) return;
  if (call_.is_http_10) {
    write(stream_);
  } else {
    std::array<char, 24> size;
    const auto end = fmt::format_to(size.data(), "{:x}\r\n", stream_.size());
    write({size.data(), static_cast<std::size_t>(end - size.data())}, stream_, tail);
  }
  stream_.clear();
}

void ServerConnection::call_ended() {
  if (fd_ < 0) return;
  at_ = At::head;
  if (!call_.keep_alive) {
    close_when_flushed_ = true;
    if (out_.empty()) {
      ::shutdown(fd_, SHUT_WR);
      return close();
    }
  }
  arm();
  if (!advancing_ && !in_.empty()) advance();
  if (fd_ >= 0 && readable_ && !close_when_flushed_) server_.loop().again(*this);
}

void ServerConnection::write(std::string_view first, std::string_view second, std::string_view third) {
  if (fd_ < 0) return;
  std::size_t sent = 0;
  if (out_.empty()) {
    std::array<iovec, 3> pieces{{{const_cast<char*>(first.data()), first.size()},
                                 {const_cast<char*>(second.data()), second.size()},
                                 {const_cast<char*>(third.data()), third.size()}}};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const auto result = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (result < 0 && errno != EAGAIN && errno != EINTR) return close();
    if (result > 0) sent = static_cast<std::size_t>(result);
  }
  const bool was_flowing = out_.empty();
  for (std::string_view piece : {first, second, third}) {
    const std::size_t skip = std::min(sent, piece.size());
    sent -= skip;
    out_.append(piece.substr(skip));
  }
  if (out_.size() > backlog_max) return close();
  if (was_flowing && !out_.empty()) arm();
}

bool ServerConnection::flush() {
  const auto result = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (result < 0) return errno == EAGAIN || errno == EINTR;
  out_.erase(0, static_cast<std::size_t>(result));
  if (out_.empty() && close_when_flushed_) return false;
  arm();
  if (out_.empty()) server_.connection_flushed();
  return true;
}

}  // namespace tidegate
