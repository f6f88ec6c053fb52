// The server of the API, the dashboard and aggregated Kubernetes APIs: routes with handlers, static files, and streams
// of server-sent events. It is not the gateway; it serves operators, and it is strict with everybody else:
//
//   Host      names it was not told of are refused, so that a foreign page cannot rebind its name to us; addresses and
//             localhost are no names and pass. Origin, where sent, must be the Host.
//   token     when set, every route but the public ones wants `Authorization: Bearer`. Listening beyond loopback
//             without a token is refused unless `insecure` says so.
//   bounds    connections, bytes of head and body, time to read, write and idle; a reader of events who does not keep
//             up is cut off and may come back.
//
// One thread runs it all. Handlers run there and return at once; one that must wait for somebody else takes the
// answer's place along and fills it later. That, and publish(), may be done from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"
#include "edge/net/server_tls.h"

namespace tidegate {

struct ServerRequest {
  std::string method;
  std::string target;                             // path and query as they came
  std::string path;                               // decoded, without the query
  std::map<std::string, std::string> parameters;  // of the route's {names}
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;                     // names in lower case; of those that repeat, the last
  std::vector<std::pair<std::string, std::string>> header_lines;  // each as it came, names in lower case
  std::vector<std::string> client_chain = {};  // certificates that a TLS client showed, its own first, in DER
  std::string body;
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
};

struct HttpServerOptions {
  std::string name = "the API";         // in messages
  std::string address = "127.0.0.1";    // of an interface; not a name
  std::uint16_t port = 0;               // 0: any free one
  std::vector<std::string> hosts = {};  // names we are known by
  bool any_host = false;                // any name will do: where each request shows who it is, and none is a browser's
  std::shared_ptr<ServerTls> tls = {};  // none: no TLS
  std::optional<std::string> token = {};
  bool insecure = false;  // beyond loopback without a token
  std::size_t head_max = 16 * 1024;
  std::size_t body_max = 1024 * 1024;
  std::size_t connections_max = 256;
  Duration read_timeout = 10s;  // of a request, from its first byte
  Duration idle_timeout = 60s;  // between requests
  Duration write_timeout = 30s;
  Duration heartbeat = 15s;                   // of quiet event streams
  std::size_t event_bytes_max = 1024 * 1024;  // waiting for one reader
};

enum class Access : std::uint8_t { token, open };

// The place of an answer that comes later: from any thread, once, also after the server is gone. Who drops it without a
// word lets the client have an error.
using LateAnswer = std::function<void(ServerResponse response)>;

class HttpServer {
 public:
  using Handler = std::function<ServerResponse(const ServerRequest& request)>;
  using LateHandler = std::function<void(ServerRequest request, LateAnswer answer)>;

  explicit HttpServer(HttpServerOptions options);
  ~HttpServer();  // cuts every connection
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Before start() only. A pattern is "/api/v1/services/{name}"; a {name} is one segment. The first that fits counts.
  void route(const std::string& method, const std::string& pattern, Handler handler, Access access = Access::token);
  void route_late(const std::string& method, const std::string& pattern, LateHandler handler,
                  Access access = Access::token);
  // Readers get the topic's last message at once, then each new one.
  void events(const std::string& pattern, const std::string& topic);
  // Served with an ETag, and packed to those who take it.
  void asset(const std::string& path, const std::string& content_type, std::string bytes);

  // Listens and serves. The port it got, or why not.
  [[nodiscard]] Result<std::uint16_t> start();
  void publish(const std::string& topic, const std::string& event, const std::string& text);

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace tidegate
