#include "edge/net/http_server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <thread>

#include "core/base/check.h"
#include "edge/net/http_session.h"

namespace tidegate {

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr Duration accept_pause = 100ms;  // when the process is out of file descriptors

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
    way_back_->close();
    hall_.answered_later.clear();  // while the context is there
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
      return fail(ErrorKind::invalid,
                  fmt::format("{} cannot listen on {}: give an IP address", options_.name, options_.address));
    if (!address.is_loopback() && !options_.token && !options_.insecure)
      return fail(ErrorKind::invalid,
                  fmt::format("{} would listen on {} without a token; give it one, or say that insecure is meant",
                              options_.name, options_.address));
    const Tcp::endpoint endpoint{address, options_.port};
    const auto failed = [&] {
      return fail(error == asio::error::access_denied ? ErrorKind::denied : ErrorKind::failed,
                  fmt::format("{} cannot listen on {}:{}: {}", options_.name, options_.address, options_.port,
                              error.message()));
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
        std::make_shared<HttpSession>(std::move(socket), hall_, way_back_)->begin();
      }
      accept();
    });
  }

  const HttpServerOptions options_;
  HttpHall hall_;
  asio::io_context context_{1};  // after hall_: sessions go with it and still count themselves out
  Tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  const std::shared_ptr<WayBack> way_back_ = std::make_shared<WayBack>(context_);
  std::thread thread_;
};

HttpServer::HttpServer(HttpServerOptions options) : engine_(std::make_unique<Engine>(std::move(options))) {}
HttpServer::~HttpServer() = default;

void HttpServer::route(const std::string& method, const std::string& pattern, Handler handler, Access access) {
  engine_->routes().route(method, pattern, std::move(handler), access);
}

void HttpServer::route_late(const std::string& method, const std::string& pattern, LateHandler handler, Access access) {
  engine_->routes().route_late(method, pattern, std::move(handler), access);
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
