#include "edge/net/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <mutex>

#include "core/base/check.h"

namespace tidegate {

namespace {

constexpr int wait_slice_ms = 100;  // how soon a stop is noticed

constexpr long keep_alive_s = 15;  // of followed answers: a peer that is gone is found although it says nothing

enum class Breach : std::uint8_t { none, body, headers, silence };

// How one answer is followed while it comes.
struct Following {
  const HttpBodySink& sink;
  Duration idle;
  std::chrono::steady_clock::time_point heard = std::chrono::steady_clock::now();
  bool has_enough = false;

  // How long the silence may still last.
  [[nodiscard]] Duration patience() const { return idle - (std::chrono::steady_clock::now() - heard); }
};

struct Transfer {
  const HttpRequest* request = nullptr;
  std::size_t index = 0;
  Following* following = nullptr;  // none: the body is kept
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  curl_slist* connect_to = nullptr;
  std::string host;  // to name in the request, when the URL names another
  HttpResponse response;
  std::size_t header_bytes = 0;
  Breach breach = Breach::none;
  char reason[CURL_ERROR_SIZE] = {};
};

long status_of(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

bool is_success(long status) { return status >= 200 && status < 300; }

std::size_t on_body(char* bytes, std::size_t, std::size_t length, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (Following* following = transfer.following) {
    following->heard = std::chrono::steady_clock::now();
    if (is_success(status_of(transfer.easy))) {
      following->has_enough = !following->sink({bytes, length});
      return following->has_enough ? 0 : length;
    }
  }
  if (transfer.response.body.size() + length > transfer.request->body_max) {
    transfer.breach = Breach::body;
    return 0;
  }
  transfer.response.body.append(bytes, length);
  return length;
}

std::size_t on_header(char* bytes, std::size_t, std::size_t length, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.header_bytes += length;
  if (Following* following = transfer.following) {
    following->heard = std::chrono::steady_clock::now();
    if (length <= 2 && is_success(status_of(transfer.easy))) {
      following->has_enough = !following->sink({});
      return following->has_enough ? 0 : length;
    }
  }
  if (transfer.header_bytes > HttpClient::headers_max) {
    transfer.breach = Breach::headers;
    return 0;
  }
  std::string_view line{bytes, length};
  // A status line begins a new head: after "100 Continue" or a proxy's own answer the earlier one is void.
  if (line.starts_with("HTTP/")) transfer.response.headers.clear();
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return length;
  std::string name{line.substr(0, colon)};
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == '\r' || value.back() == '\n' || value.back() == ' '))
    value.remove_suffix(1);
  transfer.response.headers.emplace_back(std::move(name), std::string{value});
  return length;
}

ErrorKind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_LOGIN_DENIED:
      return ErrorKind::denied;
    case CURLE_FILESIZE_EXCEEDED:
      return ErrorKind::too_large;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return ErrorKind::invalid;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return ErrorKind::unreachable;
    default:
      return ErrorKind::failed;
  }
}

Error error_of(const Transfer& transfer, CURLcode code) {
  const std::string url = printable_url(transfer.request->url);
  if (transfer.breach == Breach::body)
    return {ErrorKind::too_large, fmt::format("{}: the body is larger than {} bytes", url, transfer.request->body_max)};
  if (transfer.breach == Breach::headers)
    return {ErrorKind::too_large,
            fmt::format("{}: the headers are larger than {} bytes", url, HttpClient::headers_max)};
  if (transfer.breach == Breach::silence)
    return {ErrorKind::unreachable, fmt::format("{}: nothing came for {}", url, to_text(transfer.following->idle))};
  if (code == CURLE_OPERATION_TIMEDOUT)
    return {ErrorKind::unreachable, fmt::format("{}: no answer within {}", url, to_text(transfer.request->timeout))};
  const std::string_view reason = transfer.reason[0] != '\0' ? transfer.reason : curl_easy_strerror(code);
  return {kind_of(code), fmt::format("{}: {}", url, printable_excerpt(reason))};
}

bool has_line_break(std::string_view text) { return text.find_first_of(std::string_view{"\r\n\0", 3}) != text.npos; }

// Or nothing at all.
bool is_host_name(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.'; });
}

bool is_clean(const HttpRequest& request) {
  if (has_line_break(request.method) || has_line_break(request.url)) return false;
  if (request.bearer && has_line_break(*request.bearer)) return false;
  if (request.proxy && has_line_break(*request.proxy)) return false;
  if (request.tls && !is_host_name(request.tls->server_name)) return false;
  return std::ranges::none_of(request.headers, [](const auto& header) {
    return has_line_break(header.first) || has_line_break(header.second);
  });
}

void set_body(CURL* easy, const HttpRequest& request) {
  if (request.method == "GET" && request.body.empty()) return;
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.body.empty() && request.method != "POST" && request.method != "PUT" && request.method != "PATCH") return;
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
}

void set_headers(Transfer& transfer) {
  const auto add = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(transfer.headers, line.c_str());
    CHECK(longer != nullptr);
    transfer.headers = longer;
  };
  // "Expect: 100-continue" costs a round trip, and a second where the server does not know it.
  add("Expect:");
  for (const auto& [name, value] : transfer.request->headers) add(value.empty() ? name + ";" : name + ": " + value);
  if (transfer.request->bearer) add("Authorization: Bearer " + *transfer.request->bearer);
  if (!transfer.host.empty()) add("Host: " + transfer.host);
  curl_easy_setopt(transfer.easy, CURLOPT_HTTPHEADER, transfer.headers);
}

curl_blob blob_of(const std::string& text) {
  return {.data = const_cast<char*>(text.data()), .len = text.size(), .flags = CURL_BLOB_COPY};
}

// libcurl verifies the name that it connects to, so another name is asked for at the same address.
void set_server_name(Transfer& transfer, const std::string& name) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url{curl_url(), curl_url_cleanup};
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    curl_url_get(url.get(), which, &text, CURLU_DEFAULT_PORT);
    const std::unique_ptr<char, decltype(&curl_free)> owned{text, curl_free};
    return std::string{text == nullptr ? "" : text};
  };
  if (curl_url_set(url.get(), CURLUPART_URL, transfer.request->url.c_str(), 0) != CURLUE_OK) return;
  const std::string host = part(CURLUPART_HOST), port = part(CURLUPART_PORT);
  if (curl_url_set(url.get(), CURLUPART_HOST, name.c_str(), 0) != CURLUE_OK) return;
  transfer.host = fmt::format("{}:{}", host, port);
  transfer.connect_to = curl_slist_append(nullptr, fmt::format("{}:{}:{}:{}", name, port, host, port).c_str());
  CHECK(transfer.connect_to != nullptr);
  curl_easy_setopt(transfer.easy, CURLOPT_CONNECT_TO, transfer.connect_to);
  curl_easy_setopt(transfer.easy, CURLOPT_URL, part(CURLUPART_URL).c_str());
}

void set_tls(Transfer& transfer, const HttpTls& tls) {
  CURL* easy = transfer.easy;
  const auto give = [&](CURLoption option, const std::string& text) {
    if (text.empty()) return;
    const curl_blob blob = blob_of(text);
    curl_easy_setopt(easy, option, &blob);
  };
  give(CURLOPT_CAINFO_BLOB, tls.authorities);
  // Those alone, not the system's beside them.
  if (!tls.authorities.empty()) curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  give(CURLOPT_SSLCERT_BLOB, tls.certificate);
  give(CURLOPT_SSLKEY_BLOB, tls.key);
  if (tls.insecure) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!tls.server_name.empty()) set_server_name(transfer, tls.server_name);
}

void set_following(CURL* easy) {
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's head is not the answer's
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, keep_alive_s);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, keep_alive_s);
}

void set_options(Transfer& transfer, Duration timeout) {
  CURL* easy = transfer.easy;
  const HttpRequest& request = *transfer.request;
  const long milliseconds =
      std::max<long>(1, static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count()));
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.reason);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "tidegate");
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  if (request.direct) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  if (request.proxy) {
    curl_easy_setopt(easy, CURLOPT_PROXY, request.proxy->c_str());
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  }
  if (request.tls) set_tls(transfer, *request.tls);
  if (transfer.following) set_following(easy);
  if (request.basic) {
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(easy, CURLOPT_USERNAME, request.basic->user.c_str());
    curl_easy_setopt(easy, CURLOPT_PASSWORD, request.basic->password.c_str());
  }
  set_body(easy, request);
  set_headers(transfer);
}

void prepare_library() {
  static std::once_flag once;
  std::call_once(once, [] { CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

}  // namespace

class HttpClient::Transfers {
 public:
  Transfers() {
    prepare_library();
    multi_ = curl_multi_init();
    CHECK(multi_ != nullptr);
    // The default cache follows the number of handles in use and would close connections between two rounds.
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 2048L);
  }
  ~Transfers() {
    for (CURL* easy : idle_) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi_);
  }
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  std::vector<Result<HttpResponse>> run(std::span<const HttpRequest> requests, Duration deadline,
                                        const std::stop_token& stop, Following* following = nullptr) {
    const auto began = std::chrono::steady_clock::now();
    const auto left = [&] { return deadline - (std::chrono::steady_clock::now() - began); };
    std::vector<Result<HttpResponse>> answers;
    for (const HttpRequest& request : requests)
      answers.emplace_back(
          fail(ErrorKind::unreachable, fmt::format("{}: no answer before the deadline", printable_url(request.url))));
    std::size_t next = 0;
    while (next < requests.size() || !running_.empty()) {
      if (stop.stop_requested() || left() <= Duration{}) break;
      for (; next < requests.size() && running_.size() < at_once_max; ++next)
        begin(requests[next], next, std::min<Duration>(requests[next].timeout, left()), following, answers);
      int still = 0;
      curl_multi_perform(multi_, &still);
      if (collect(answers) > 0 || running_.empty()) continue;
      if (following != nullptr && following->patience() <= Duration{}) {
        running_.back()->breach = Breach::silence;
        answers.back() = std::unexpected(error_of(*running_.back(), CURLE_OPERATION_TIMEDOUT));
        break;
      }
      const Duration wait = following == nullptr ? left() : std::min<Duration>(left(), following->patience());
      const auto slice = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count() + 1;
      curl_multi_poll(multi_, nullptr, 0, static_cast<int>(std::clamp<long>(slice, 1, wait_slice_ms)), nullptr);
    }
    while (!running_.empty()) end(*running_.back());
    return answers;
  }

 private:
  void begin(const HttpRequest& request, std::size_t index, Duration timeout, Following* following,
             std::vector<Result<HttpResponse>>& answers) {
    if (!is_clean(request)) {
      answers[index] = fail(
          ErrorKind::invalid,
          fmt::format("{}: a line break in the URL, the proxy, a header or the token, or a server name that is none",
                      printable_url(request.url)));
      return;
    }
    auto transfer = std::make_unique<Transfer>();
    transfer->request = &request;
    transfer->index = index;
    transfer->following = following;
    if (idle_.empty()) {
      transfer->easy = curl_easy_init();
      CHECK(transfer->easy != nullptr);
    } else {
      transfer->easy = idle_.back();
      idle_.pop_back();
      curl_easy_reset(transfer->easy);
    }
    set_options(*transfer, timeout);
    curl_multi_add_handle(multi_, transfer->easy);
    running_.push_back(std::move(transfer));
  }

  std::size_t collect(std::vector<Result<HttpResponse>>& answers) {
    std::size_t ended = 0;
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      void* context = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context);
      auto& transfer = *static_cast<Transfer*>(context);
      const bool has_enough = transfer.following != nullptr && transfer.following->has_enough;
      if (code == CURLE_OK || has_enough) {
        transfer.response.status = static_cast<int>(status_of(transfer.easy));
        answers[transfer.index] = std::move(transfer.response);
      } else {
        answers[transfer.index] = std::unexpected(error_of(transfer, code));
      }
      end(transfer);
      ++ended;
    }
    return ended;
  }

  void end(Transfer& transfer) {
    curl_multi_remove_handle(multi_, transfer.easy);
    // The handle outlives the transfer: nothing of it may point back here.
    curl_easy_reset(transfer.easy);
    curl_slist_free_all(transfer.headers);
    curl_slist_free_all(transfer.connect_to);
    idle_.push_back(transfer.easy);
    std::erase_if(running_, [&](const auto& running) { return running.get() == &transfer; });
  }

  CURLM* multi_ = nullptr;
  std::vector<std::unique_ptr<Transfer>> running_;
  std::vector<CURL*> idle_;
};

HttpClient::HttpClient() : transfers_(std::make_unique<Transfers>()) {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::fetch(const HttpRequest& request, std::stop_token stop) {
  // A little longer than the request's own limit, so that its own, better message comes first.
  return std::move(fetch_all(std::span{&request, 1}, request.timeout + 100ms, std::move(stop)).front());
}

std::vector<Result<HttpResponse>> HttpClient::fetch_all(std::span<const HttpRequest> requests, Duration deadline,
                                                        std::stop_token stop) {
  return transfers_->run(requests, deadline, stop);
}

Result<HttpResponse> HttpClient::follow(const HttpRequest& request, const HttpBodySink& sink, Duration idle,
                                        std::stop_token stop) {
  Following following{.sink = sink, .idle = idle};
  return std::move(
      transfers_->run(std::span{&request, 1}, request.timeout + 100ms, std::move(stop), &following).front());
}

std::optional<std::string_view> HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

Result<HttpResponse> require_ok(Result<HttpResponse> answer, std::string_view url) {
  if (!answer || (answer->status >= 200 && answer->status < 300)) return answer;
  const int status = answer->status;
  const std::string where = printable_url(url);
  if (status == 401 || status == 403)
    return fail(ErrorKind::denied, fmt::format("{}: answered {}; give it a token that may read this", where, status));
  if (status >= 300 && status < 400)
    return fail(ErrorKind::failed,
                fmt::format("{}: answered {}, a redirect, which is not followed; configure the address it leads to",
                            where, status));
  return fail(status == 404 ? ErrorKind::not_found : ErrorKind::failed,
              fmt::format("{}: answered {}: {}", where, status, printable_excerpt(answer->body)));
}

std::string printable_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::string_view authority = url.substr(host, url.find('/', host) - host);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return printable_excerpt(url);
  return printable_excerpt(std::string{url.substr(0, host)} + std::string{url.substr(host + at + 1)});
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::string printable_excerpt(std::string_view text, std::size_t bytes_max) {
  std::string excerpt{text.substr(0, bytes_max)};
  for (char& c : excerpt)
    if (c < 0x20 || c == 0x7f) c = c == '\n' || c == '\t' ? ' ' : '?';
  while (!excerpt.empty() && excerpt.back() == ' ') excerpt.pop_back();
  if (text.size() > bytes_max) excerpt += "...";
  return excerpt;
}

}  // namespace tidegate
