// What the server answers to a request, apart from sockets: which route fits, who may ask, what a static file is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "edge/net/http_server.h"

namespace tidegate {

struct EventTopic {
  std::string topic;
};

// A handler that answers later, and what it is asked.
struct LateCall {
  HttpServer::LateHandler handler;
  ServerRequest request;
};

// A response, the topic whose events the reader gets from now on, or a call whose response comes later.
using Reply = std::variant<ServerResponse, EventTopic, LateCall>;

class RouteTree {
 public:
  explicit RouteTree(const HttpServerOptions& options) : options_(options) {}

  void route(const std::string& method, const std::string& pattern, HttpServer::Handler handler, Access access);
  void route_late(const std::string& method, const std::string& pattern, HttpServer::LateHandler handler,
                  Access access);
  void events(const std::string& pattern, const std::string& topic);
  void asset(const std::string& path, const std::string& content_type, std::string bytes);

  // `target` as in the request line. Headers in `request` are set; path, query and parameters are filled here.
  [[nodiscard]] Reply answer(ServerRequest request, std::string_view target) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    HttpServer::Handler handler = {};
    HttpServer::LateHandler late_handler = {};
    std::string topic = {};  // of an event stream
    Access access = Access::token;
  };
  struct Asset {
    std::string content_type;
    std::string bytes;
    std::string packed;  // empty: not worth it
    std::string etag;
  };

  [[nodiscard]] std::optional<ServerResponse> refusal(const ServerRequest& request) const;
  [[nodiscard]] bool has_token(const ServerRequest& request) const;
  [[nodiscard]] ServerResponse serve_asset(const Asset& asset, const ServerRequest& request) const;

  const HttpServerOptions& options_;
  std::vector<Route> routes_;
  std::map<std::string, Asset, std::less<>> assets_;
};

[[nodiscard]] ServerResponse error_answer(int status, std::string_view message);
// Of ASCII letters, as names of headers compare.
[[nodiscard]] std::string lower_case(std::string text);
// %41 and, in queries, + undone; none: a broken escape or a NUL.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space);

}  // namespace tidegate
