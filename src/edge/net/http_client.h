// HTTP requests to the outside: several at once, each bounded in time, body and headers, with connections reused.
//
// TLS is verified (1.2 at least), against the system's authorities or those a request brings, unless a request says
// `insecure`; redirects are not followed, so credentials go nowhere but where they were sent; only http and https.
// Compressed bodies are unpacked, and the bound holds for the unpacked bytes. Proxies come from the environment unless
// a request names one or goes direct. HTTP/2 is used over TLS where the server offers it.
//
// A response of any status is a response; errors are what kept it from coming:
//   unreachable   no name, no connection, broken off, too late, too silent
//   denied        the certificate is not trusted
//   too_large     body or headers beyond the bound
//   invalid       not a URL we can ask; a certificate, key or authority that cannot be read
//
// One client belongs to one thread. Messages name the URL without user, password and query.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/time.h"

namespace tidegate {

struct BasicAuth {
  std::string user;
  std::string password;
};

// How one server is trusted and how we show who we are; texts in PEM. Shared, since many requests use the same.
struct HttpTls {
  std::string authorities = {};  // trusted instead of the system's; empty: the system's
  std::string certificate = {};  // ours, with its chain; empty: none is shown
  std::string key = {};
  std::string server_name = {};  // asked for and verified instead of the URL's host
  bool insecure = false;         // nothing is verified: only where a person wants it so, and is told
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::optional<std::string> bearer = {};
  std::optional<BasicAuth> basic = {};
  Duration timeout = 5s;  // from now to the last byte
  std::size_t body_max = 10 * 1024 * 1024;
  bool direct = false;                           // no proxy, whatever the environment says: replicas and loopback
  std::optional<std::string> proxy = {};         // instead of the environment's: http, https or socks5
  std::shared_ptr<const HttpTls> tls = nullptr;  // none: the system's authorities, no certificate of ours
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

// Takes the next bytes of a body that is followed as it comes; none: the head of a 2xx answer is there. False: enough.
using HttpBodySink = std::function<bool(std::string_view bytes)>;

class HttpClient {
 public:
  static constexpr std::size_t at_once_max = 128;
  static constexpr std::size_t headers_max = 64 * 1024;

  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] Result<HttpResponse> fetch(const HttpRequest& request, std::stop_token stop = {});
  // All of them, in their order, at most at_once_max at a time. What is not there after `deadline`, or once `stop`
  // is asked for, is unreachable.
  [[nodiscard]] std::vector<Result<HttpResponse>> fetch_all(std::span<const HttpRequest> requests, Duration deadline,
                                                            std::stop_token stop = {});
  // One that is followed while it comes. The body of a 2xx answer goes to `sink` and not into the response; any other
  // body is kept as fetch() keeps it. A silence longer than `idle`, from the beginning on, is unreachable, and so is a
  // `stop`; a sink that has enough ends it well. `timeout` bounds the whole; `body_max` does not bound what the sink
  // takes.
  [[nodiscard]] Result<HttpResponse> follow(const HttpRequest& request, const HttpBodySink& sink, Duration idle,
                                            std::stop_token stop = {});

 private:
  class Transfers;
  std::unique_ptr<Transfers> transfers_;
};

// The response if its status is 2xx; otherwise an error of its kind (401 and 403 denied, 404 not_found) that quotes
// at most 256 bytes of what the server said.
[[nodiscard]] Result<HttpResponse> require_ok(Result<HttpResponse> answer, std::string_view url);

// Without user, password, query and fragment: fit for a message.
[[nodiscard]] std::string printable_url(std::string_view url);
[[nodiscard]] std::string percent_encoded(std::string_view text);
// At most `bytes_max` of a foreign text, with anything unprintable as '?'.
[[nodiscard]] std::string printable_excerpt(std::string_view text, std::size_t bytes_max = 256);

}  // namespace tidegate
