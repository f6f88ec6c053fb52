#include "edge/net/http_session.h"

#include <atomic>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace tidegate {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

ServerRequest request_of(const http::request<http::string_body>& message) {
  ServerRequest request{.method = std::string{message.method_string()}, .body = message.body()};
  for (const auto& field : message) {
    std::string name = lower_case(field.name_string());
    request.headers[name] = std::string{field.value()};
    request.header_lines.emplace_back(std::move(name), std::string{field.value()});
  }
  return request;
}

http::response<http::string_body> message_of(ServerResponse response, const http::request<http::string_body>& asked) {
  http::response<http::string_body> message{static_cast<http::status>(response.status), asked.version()};
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.set(http::field::content_type, response.content_type);
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'");
  message.set("Referrer-Policy", "no-referrer");
  if (message.find(http::field::cache_control) == message.end()) message.set(http::field::cache_control, "no-store");
  message.keep_alive(asked.keep_alive());
  const std::size_t length = response.body.size();
  if (asked.method() != http::verb::head) message.body() = std::move(response.body);
  if (response.status != 304) message.content_length(length);
  return message;
}

}  // namespace

HttpSession::HttpSession(asio::ip::tcp::socket socket, HttpHall& hall, std::shared_ptr<WayBack> way_back)
    : stream_(std::move(socket), hall.options.tls ? hall.options.tls->current() : nullptr),
      buffer_(hall.options.head_max + 64 * 1024),
      heartbeat_(stream_.get_executor()),
      hall_(hall),
      way_back_(std::move(way_back)) {
  ++hall_.connections;
}

HttpSession::~HttpSession() { --hall_.connections; }

void HttpSession::begin() {
  if (!stream_.is_secured()) return read();
  stream_.lowest().expires_after(hall_.options.read_timeout);
  stream_.async_handshake([self = shared_from_this()](ErrorCode error) {
    if (error) return;
    self->client_chain_ = self->stream_.client_chain();
    self->read();
  });
}

void HttpSession::read() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(hall_.options.head_max));
  parser_->body_limit(hall_.options.body_max);
  const bool begun = buffer_.size() > 0;
  stream_.lowest().expires_after(begun || is_first_ ? hall_.options.read_timeout : hall_.options.idle_timeout);
  if (begun || is_first_) {
    is_first_ = false;
    read_request();
    return;
  }
  // Idle until the first byte; from there the shorter limit holds.
  stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](ErrorCode error, std::size_t got) {
    if (error) return;
    self->buffer_.commit(got);
    self->stream_.lowest().expires_after(self->hall_.options.read_timeout);
    self->read_request();
  });
}

void HttpSession::enqueue(const std::string& bytes) {
  if (is_cut_) return;
  waiting_bytes_ += bytes.size();
  if (waiting_bytes_ > hall_.options.event_bytes_max) {
    cut();
    return;
  }
  waiting_.push_back(bytes);
  if (waiting_.size() == 1) write_next();
}

void HttpSession::read_request() {
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_request(error); });
}

void HttpSession::on_request(ErrorCode error) {
  if (error == http::error::end_of_stream || error == beast::error::timeout || error == asio::error::connection_reset)
    return close();
  if (error) {
    Message unknown;
    unknown.version(11);
    unknown.keep_alive(false);
    if (error == http::error::body_limit) return send(unknown, error_answer(413, "the body is too large"));
    if (error == http::error::header_limit) return send(unknown, error_answer(431, "the headers are too large"));
    return send(unknown, error_answer(400, "this is no HTTP request"));
  }
  const Message message = parser_->release();
  Reply reply;
  try {
    ServerRequest request = request_of(message);
    request.client_chain = client_chain_;
    reply = hall_.routes.answer(std::move(request), std::string_view{message.target().data(), message.target().size()});
  } catch (const std::exception&) {
    // A handler's own library threw: one request fails, the server does not.
    reply = error_answer(500, "an internal error; the log says more");
  }
  if (const auto* topic = std::get_if<EventTopic>(&reply)) return listen_to(topic->topic);
  if (auto* call = std::get_if<LateCall>(&reply)) return wait_for_answer(std::move(*call), message);
  send(message, std::get<ServerResponse>(std::move(reply)));
}

void HttpSession::send(const Message& asked, ServerResponse response) {
  auto message = std::make_shared<http::response<http::string_body>>(message_of(std::move(response), asked));
  const bool keep = message->keep_alive();
  stream_.lowest().expires_after(hall_.options.write_timeout);
  auto serializer = std::make_shared<http::response_serializer<http::string_body>>(*message);
  // The answer to HEAD has the length of a body that does not follow.
  serializer->split(asked.method() == http::verb::head);
  const auto done = [self = shared_from_this(), message, serializer, keep](ErrorCode error, std::size_t) {
    if (error) return;
    if (!keep) return self->close();
    self->read();
  };
  if (asked.method() == http::verb::head)
    http::async_write_header(stream_, *serializer, done);
  else
    http::async_write(stream_, *serializer, done);
}

// Where the answer of one request goes. Whoever answers knows the session only weakly, so that it goes with the server.
struct HttpSession::Place {
  ~Place() { give(error_answer(500, "an internal error; the log says more")); }

  void give(ServerResponse response) {
    if (is_filled.exchange(true)) return;
    way_back->post([session = session, asked = asked, response = std::move(response)]() mutable {
      const auto self = session.lock();
      if (!self) return;
      self->hall_.answered_later.erase(self);
      self->send(asked, std::move(response));
    });
  }

  std::weak_ptr<HttpSession> session;
  std::shared_ptr<WayBack> way_back;
  Message asked;  // without its headers and body
  std::atomic<bool> is_filled{false};
};

void HttpSession::wait_for_answer(LateCall call, const Message& message) {
  stream_.lowest().expires_never();
  hall_.answered_later.insert(shared_from_this());
  const auto place = std::make_shared<Place>();
  place->session = weak_from_this();
  place->way_back = way_back_;
  place->asked.method(message.method());
  place->asked.version(message.version());
  place->asked.keep_alive(message.keep_alive());
  call.handler(std::move(call.request), [place](ServerResponse response) { place->give(std::move(response)); });
}

void HttpSession::listen_to(const std::string& topic) {
  stream_.lowest().expires_never();
  std::erase_if(hall_.readers, [](const auto& reader) { return reader.second.expired(); });
  hall_.readers.emplace(topic, weak_from_this());
  enqueue(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
  if (const auto last = hall_.last_events.find(topic); last != hall_.last_events.end()) enqueue(last->second);
  watch_end();
  beat();
}

// Nothing more is expected from a reader of events; reading notices when it goes.
void HttpSession::watch_end() {
  stream_.async_read_some(asio::buffer(scrap_), [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (error) return self->cut();
    self->watch_end();
  });
}

void HttpSession::beat() {
  heartbeat_.expires_after(hall_.options.heartbeat);
  heartbeat_.async_wait([self = shared_from_this()](ErrorCode error) {
    if (error || self->is_cut_) return;
    self->enqueue(": still here\n\n");
    self->beat();
  });
}

void HttpSession::write_next() {
  asio::async_write(stream_, asio::buffer(waiting_.front()), [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (error || self->is_cut_) return self->cut();
    self->waiting_bytes_ -= self->waiting_.front().size();
    self->waiting_.pop_front();
    if (!self->waiting_.empty()) self->write_next();
  });
}

void HttpSession::cut() {
  is_cut_ = true;
  heartbeat_.cancel();
  ErrorCode ignored;
  stream_.lowest().socket().close(ignored);
}

void HttpSession::close() {
  ErrorCode ignored;
  stream_.lowest().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

}  // namespace tidegate
