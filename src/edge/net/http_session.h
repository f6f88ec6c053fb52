// One connection of the HTTP server from its first byte to its end: reads requests, has the routes answer them, writes,
// or streams events. Only http_server.cc and http_session.cc include this: Asio and Beast stay within them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "edge/net/route_tree.h"
#include "edge/net/server_stream.h"

namespace tidegate {

class HttpSession;

// Shared by all sessions; touched by the server's thread alone.
struct HttpHall {
  const HttpServerOptions& options;
  RouteTree routes;
  std::size_t connections = 0;
  std::map<std::string, std::string> last_events;                  // by topic
  std::multimap<std::string, std::weak_ptr<HttpSession>> readers;  // by topic
  std::set<std::shared_ptr<HttpSession>> answered_later;
};

// The way back to the server's thread for those who answer later; closed when the server goes.
class WayBack {
 public:
  explicit WayBack(boost::asio::io_context& context) : context_(&context) {}
  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (context_) boost::asio::post(*context_, std::move(work));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* context_;
};

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(boost::asio::ip::tcp::socket socket, HttpHall& hall, std::shared_ptr<WayBack> way_back);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  void begin();
  // To a reader of events.
  void enqueue(const std::string& bytes);

 private:
  using ErrorCode = boost::system::error_code;
  using Message = boost::beast::http::request<boost::beast::http::string_body>;
  struct Place;

  void read();
  void read_request();
  void on_request(ErrorCode error);
  void send(const Message& asked, ServerResponse response);
  void wait_for_answer(LateCall call, const Message& message);
  void listen_to(const std::string& topic);
  void watch_end();
  void beat();
  void write_next();
  void cut();
  void close();

  ServerStream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  boost::asio::steady_timer heartbeat_;
  HttpHall& hall_;
  const std::shared_ptr<WayBack> way_back_;
  std::vector<std::string> client_chain_;
  bool is_first_ = true;
  bool is_cut_ = false;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  char scrap_[512] = {};
};

}  // namespace tidegate
