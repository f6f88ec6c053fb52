#include "edge/net/http_server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <deque>
#include <thread>

#include "core/base/check.h"
#include "edge/net/route_tree.h"

namespace tidegate {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr std::size_t head_max = 16 * 1024;
constexpr Duration accept_pause = 100ms;  // when the process is out of file descriptors

ServerRequest request_of(const http::request<http::string_body>& message) {
  ServerRequest request{.method = std::string{message.method_string()}, .body = message.body()};
  for (const auto& field : message) {
    std::string name{field.name_string()};
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    request.headers[name] = std::string{field.value()};
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

// One line of data each: a line break within would end the field.
std::string event_text(const std::string& event, const std::string& text) {
  std::string made = "event: " + event + "\n";
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    made += "data: " + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return made += "\n";
}

class Session;

// Shared by all sessions; touched by the server's thread alone.
struct Hall {
  const HttpServerOptions& options;
  RouteTree routes;
  std::size_t connections = 0;
  std::map<std::string, std::string> last_events;              // by topic
  std::multimap<std::string, std::weak_ptr<Session>> readers;  // by topic
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Tcp::socket socket, Hall& hall)
      : stream_(std::move(socket)), heartbeat_(stream_.get_executor()), hall_(hall) {
    ++hall_.connections;
  }
  ~Session() { --hall_.connections; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(head_max);
    parser_->body_limit(hall_.options.body_max);
    const bool begun = buffer_.size() > 0;
    stream_.expires_after(begun || is_first_ ? hall_.options.read_timeout : hall_.options.idle_timeout);
    if (begun || is_first_) {
      is_first_ = false;
      read_request();
      return;
    }
    // Idle until the first byte; from there the shorter limit holds.
    stream_.async_read_some(buffer_.prepare(4096), [self = shared_from_this()](ErrorCode error, std::size_t got) {
      if (error) return;
      self->buffer_.commit(got);
      self->stream_.expires_after(self->hall_.options.read_timeout);
      self->read_request();
    });
  }

  void enqueue(const std::string& bytes) {
    if (is_cut_) return;
    waiting_bytes_ += bytes.size();
    if (waiting_bytes_ > hall_.options.event_bytes_max) {
      cut();
      return;
    }
    waiting_.push_back(bytes);
    if (waiting_.size() == 1) write_next();
  }

 private:
  void read_request() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_request(error); });
  }

  void on_request(ErrorCode error) {
    if (error == http::error::end_of_stream || error == beast::error::timeout || error == asio::error::connection_reset)
      return close();
    if (error) {
      http::request<http::string_body> unknown;
      unknown.version(11);
      unknown.keep_alive(false);
      if (error == http::error::body_limit) return send(unknown, error_answer(413, "the body is too large"));
      if (error == http::error::header_limit) return send(unknown, error_answer(431, "the headers are too large"));
      return send(unknown, error_answer(400, "this is no HTTP request"));
    }
    const http::request<http::string_body> message = parser_->release();
    Reply reply;
    try {
      reply =
          hall_.routes.answer(request_of(message), std::string_view{message.target().data(), message.target().size()});
    } catch (const std::exception&) {
      // A handler's own library threw: one request fails, the server does not.
      reply = error_answer(500, "an internal error; the log says more");
    }
    if (const auto* topic = std::get_if<EventTopic>(&reply)) return listen_to(topic->topic);
    send(message, std::get<ServerResponse>(std::move(reply)));
  }

  void send(const http::request<http::string_body>& asked, ServerResponse response) {
    auto message = std::make_shared<http::response<http::string_body>>(message_of(std::move(response), asked));
    const bool keep = message->keep_alive();
    stream_.expires_after(hall_.options.write_timeout);
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

  void listen_to(const std::string& topic) {
    stream_.expires_never();
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
  void watch_end() {
    stream_.socket().async_read_some(asio::buffer(scrap_), [self = shared_from_this()](ErrorCode error, std::size_t) {
      if (error) return self->cut();
      self->watch_end();
    });
  }

  void beat() {
    heartbeat_.expires_after(hall_.options.heartbeat);
    heartbeat_.async_wait([self = shared_from_this()](ErrorCode error) {
      if (error || self->is_cut_) return;
      self->enqueue(": still here\n\n");
      self->beat();
    });
  }

  void write_next() {
    asio::async_write(stream_.socket(), asio::buffer(waiting_.front()),
                      [self = shared_from_this()](ErrorCode error, std::size_t) {
                        if (error || self->is_cut_) return self->cut();
                        self->waiting_bytes_ -= self->waiting_.front().size();
                        self->waiting_.pop_front();
                        if (!self->waiting_.empty()) self->write_next();
                      });
  }

  void cut() {
    is_cut_ = true;
    heartbeat_.cancel();
    ErrorCode ignored;
    stream_.socket().close(ignored);
  }

  void close() {
    ErrorCode ignored;
    stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{head_max + 64 * 1024};
  std::optional<http::request_parser<http::string_body>> parser_;
  asio::steady_timer heartbeat_;
  Hall& hall_;
  bool is_first_ = true;
  bool is_cut_ = false;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  char scrap_[512] = {};
};

}  // namespace

class HttpServer::Engine {
 public:
  explicit Engine(HttpServerOptions options)
      : options_(std::move(options)),
        hall_{.options = options_, .routes = RouteTree{options_}},
        acceptor_(context_),
        pause_(context_) {}
  ~Engine() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] RouteTree& routes() {
    CHECK(!thread_.joinable());
    return hall_.routes;
  }

  Result<std::uint16_t> start() {
    CHECK(!thread_.joinable());
    ErrorCode error;
    const auto address = asio::ip::make_address(options_.address, error);
    if (error)
      return fail(ErrorKind::invalid, fmt::format("the API cannot listen on {}: give an IP address", options_.address));
    if (!address.is_loopback() && !options_.token && !options_.insecure)
      return fail(ErrorKind::invalid,
                  fmt::format("the API would listen on {} without a token; give it one, or say that insecure is meant",
                              options_.address));
    const Tcp::endpoint endpoint{address, options_.port};
    const auto failed = [&] {
      return fail(error == asio::error::access_denied ? ErrorKind::denied : ErrorKind::failed,
                  fmt::format("the API cannot listen on {}:{}: {}", options_.address, options_.port, error.message()));
    };
    if (acceptor_.open(endpoint.protocol(), error); error) return failed();
    if (acceptor_.set_option(Tcp::acceptor::reuse_address(true), error); error) return failed();
    if (acceptor_.bind(endpoint, error); error) return failed();
    if (acceptor_.listen(asio::socket_base::max_listen_connections, error); error) return failed();
    const std::uint16_t port = acceptor_.local_endpoint(error).port();
    if (error) return failed();
    accept();
    thread_ = std::thread([this] { context_.run(); });
    return port;
  }

  void publish(const std::string& topic, std::string bytes) {
    asio::post(context_, [this, topic, bytes = std::move(bytes)] {
      hall_.last_events[topic] = bytes;
      for (auto [at, end] = hall_.readers.equal_range(topic); at != end;) {
        const auto reader = at->second.lock();
        if (reader) reader->enqueue(bytes);
        at = reader ? std::next(at) : hall_.readers.erase(at);
      }
    });
  }

 private:
  void accept() {
    acceptor_.async_accept([this](ErrorCode error, Tcp::socket socket) {
      if (error) {
        pause_.expires_after(accept_pause);
        pause_.async_wait([this](ErrorCode stopped) {
          if (!stopped) accept();
        });
        return;
      }
      // One too many is closed at once; it would wait for an answer in vain otherwise.
      if (hall_.connections < options_.connections_max) {
        ErrorCode ignored;
        socket.set_option(Tcp::no_delay(true), ignored);
        std::make_shared<Session>(std::move(socket), hall_)->read();
      }
      accept();
    });
  }

  const HttpServerOptions options_;
  Hall hall_;
  asio::io_context context_{1};  // after hall_: sessions go with it and still count themselves out
  Tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::thread thread_;
};

HttpServer::HttpServer(HttpServerOptions options) : engine_(std::make_unique<Engine>(std::move(options))) {}
HttpServer::~HttpServer() = default;

void HttpServer::route(const std::string& method, const std::string& pattern, Handler handler, Access access) {
  engine_->routes().route(method, pattern, std::move(handler), access);
}

void HttpServer::events(const std::string& pattern, const std::string& topic) {
  engine_->routes().events(pattern, topic);
}

void HttpServer::asset(const std::string& path, const std::string& content_type, std::string bytes) {
  engine_->routes().asset(path, content_type, std::move(bytes));
}

Result<std::uint16_t> HttpServer::start() { return engine_->start(); }

void HttpServer::publish(const std::string& topic, const std::string& event, const std::string& text) {
  engine_->publish(topic, event_text(event, text));
}

}  // namespace tidegate
