#include "edge/net/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "edge/net/http_client.h"

namespace tidegate {
namespace {

// A connection that says exactly what it is told to.
class Wire {
 public:
  explicit Wire(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval limit{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Wire() { close(fd_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void say(const std::string& text) { (void)send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Until `wanted` was heard, the end came, or 10 s passed.
  std::string hear(const std::string& wanted) {
    char buffer[4096];
    while (!heard_.contains(wanted)) {
      const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      heard_.append(buffer, static_cast<std::size_t>(got));
    }
    return heard_;
  }
  bool is_ended() {
    char byte;
    const ssize_t got = recv(fd_, &byte, 1, 0);
    // errno means something only after a failure: an orderly end leaves the one of long ago.
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  }

 private:
  int fd_;
  std::string heard_;
};

void add_routes(HttpServer& server) {
  server.route("GET", "/api/v1/services/{name}", [](const ServerRequest& request) {
    const auto from = request.query.find("from");
    return ServerResponse{.body =
                              request.parameters.at("name") + "|" + (from == request.query.end() ? "-" : from->second)};
  });
  server.route("POST", "/api/v1/echo",
               [](const ServerRequest& request) { return ServerResponse{.body = request.body}; });
  server.route("GET", "/boom", [](const ServerRequest&) -> ServerResponse { throw std::runtime_error{"no"}; });
  server.route("GET", "/healthz", [](const ServerRequest&) { return ServerResponse{.body = "ok"}; }, Access::open);
  server.events("/api/v1/events", "ticks");
  server.asset("/", "text/html", "<p>" + std::string(5000, 'x'));
}

class Served : public testing::Test {
 protected:
  void serve(HttpServerOptions options = {}) {
    server_ = std::make_unique<HttpServer>(std::move(options));
    add_routes(*server_);
    const auto port = server_->start();
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
  }
  HttpResponse fetch(HttpRequest request) {
    request.url = fmt::format("http://127.0.0.1:{}{}", port_, request.url);
    auto answer = client_->fetch(request);
    EXPECT_TRUE(answer) << (answer ? "" : answer.error().message);
    return answer.value_or(HttpResponse{});
  }

  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
  std::unique_ptr<HttpClient> client_ = std::make_unique<HttpClient>();
};

TEST_F(Served, RoutesWithParametersQueriesAndBodies) {
  serve();
  EXPECT_EQ(fetch({.url = "/api/v1/services/a%2Fb?from=1+2%26&x"}).body, "a/b|1 2&");
  EXPECT_EQ(fetch({.method = "POST", .url = "/api/v1/echo", .body = "hello"}).body, "hello");
  EXPECT_EQ(fetch({.url = "/nowhere"}).status, 404);
  EXPECT_EQ(fetch({.url = "/api/v1/services/%zz"}).status, 400);
  const HttpResponse wrong = fetch({.method = "DELETE", .url = "/api/v1/echo"});
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("allow"), "POST");
  EXPECT_EQ(fetch({.url = "/boom"}).status, 500);
  const HttpResponse head = fetch({.method = "HEAD", .url = "/api/v1/services/a"});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "3");
  EXPECT_TRUE(head.body.empty());
  EXPECT_EQ(fetch({.url = "/healthz"}).header("content-security-policy"), "default-src 'self'; frame-ancestors 'none'");
}

TEST_F(Served, AssetsArePackedAndValidated) {
  serve();
  const HttpResponse page = fetch({.url = "/"});
  EXPECT_EQ(page.body.size(), 5003u);
  EXPECT_EQ(page.header("content-encoding"), "gzip");
  EXPECT_EQ(page.header("content-type"), "text/html");
  const std::string etag{*page.header("etag")};
  EXPECT_EQ(fetch({.url = "/", .headers = {{"If-None-Match", etag}}}).status, 304);
  EXPECT_EQ(fetch({.url = "/", .headers = {{"If-None-Match", "\"other\""}}}).status, 200);
}

TEST_F(Served, ForeignHostsAndOriginsAreRefused) {
  serve({.hosts = {"gate.example.org"}});
  EXPECT_EQ(fetch({.url = "/healthz", .headers = {{"Host", "evil.example.com"}}}).status, 403);
  EXPECT_EQ(fetch({.url = "/", .headers = {{"Host", "127.0.0.1.evil.com"}}}).status, 403);
  EXPECT_EQ(fetch({.url = "/healthz", .headers = {{"Host", "gate.example.org:7070"}}}).status, 200);
  EXPECT_EQ(fetch({.url = "/healthz", .headers = {{"Host", "LOCALHOST"}}}).status, 200);
  EXPECT_EQ(fetch({.url = "/healthz", .headers = {{"Origin", "https://evil.example.com"}}}).status, 403);
  const std::string own = fmt::format("http://127.0.0.1:{}", port_);
  EXPECT_EQ(fetch({.url = "/healthz", .headers = {{"Origin", own}}}).status, 200);
}

TEST_F(Served, TheTokenIsWantedWhereItIsSet) {
  serve({.token = "s3cret"});
  EXPECT_EQ(fetch({.url = "/api/v1/services/a"}).status, 401);
  EXPECT_EQ(fetch({.url = "/api/v1/events"}).status, 401);
  for (const char* wrong : {"s3cre", "s3cret2", "S3cret", ""})
    EXPECT_EQ(fetch({.url = "/api/v1/services/a", .bearer = wrong}).status, 401) << wrong;
  EXPECT_EQ(fetch({.url = "/api/v1/services/a", .bearer = "s3cret"}).status, 200);
  EXPECT_EQ(fetch({.url = "/healthz"}).status, 200) << "open";
}

TEST(HttpServer, DoesNotListenBeyondLoopbackWithoutAToken) {
  HttpServer bare{{.address = "0.0.0.0"}};
  const auto refused = bare.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_FALSE(HttpServer{{.address = "nonsense"}}.start());
}

TEST_F(Served, APortInUseIsSaidPlainly) {
  serve();
  HttpServer second{{.port = port_}};
  const auto taken = second.start();
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message, fmt::format("the API cannot listen on 127.0.0.1:{}: Address already in use", port_));
}

TEST_F(Served, BoundsAreKept) {
  serve({.body_max = 1000, .connections_max = 2, .read_timeout = 200ms});
  EXPECT_EQ(fetch({.method = "POST", .url = "/api/v1/echo", .body = std::string(2000, 'x')}).status, 413);
  client_ = std::make_unique<HttpClient>();  // gives its connection back
  Wire headers{port_};
  headers.say("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_TRUE(headers.hear("431").starts_with("HTTP/1.1 431")) << headers.hear("431");
  Wire rubbish{port_};
  rubbish.say("\x16\x03\x01 hello\r\n\r\n");
  EXPECT_TRUE(rubbish.hear("400").starts_with("HTTP/1.1 400"));
  const auto began = std::chrono::steady_clock::now();
  Wire slow{port_};
  slow.say("GET /healthz HT");
  EXPECT_TRUE(slow.is_ended()) << "a request that never ends";
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(Served, OneConnectionTooManyIsClosed) {
  serve({.connections_max = 2, .read_timeout = 60s});  // nothing else closes it while we listen
  const std::string ask = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  Wire first{port_}, second{port_};
  for (Wire* wire : {&first, &second}) {
    wire->say(ask);
    EXPECT_TRUE(wire->hear("ok").ends_with("ok"));
  }
  Wire third{port_};
  EXPECT_TRUE(third.is_ended());
}

TEST_F(Served, EventsReachEveryReaderAndTheLastOneComesFirst) {
  serve();
  const std::string ask = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
  Wire early{port_};
  early.say(ask);
  EXPECT_TRUE(early.hear("\r\n\r\n").contains("Content-Type: text/event-stream"));
  server_->publish("ticks", "tick", "{\"a\":1}");
  EXPECT_TRUE(early.hear("1}\n\n").ends_with("event: tick\ndata: {\"a\":1}\n\n"));
  Wire late{port_};
  late.say(ask);
  EXPECT_TRUE(late.hear("1}\n\n").contains("data: {\"a\":1}\n\n"));
  server_->publish("ticks", "tick", "two\nlines");
  server_->publish("others", "tick", "not for us");
  for (Wire* reader : {&early, &late}) {
    const std::string heard = reader->hear("lines\n\n");
    EXPECT_TRUE(heard.contains("event: tick\ndata: two\ndata: lines\n\n")) << heard;
    EXPECT_FALSE(heard.contains("not for us"));
  }
}

TEST_F(Served, AReaderWhoDoesNotKeepUpIsCutOffAndNobodyElse) {
  serve({.event_bytes_max = 200'000});
  const std::string ask = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
  Wire deaf{port_};
  deaf.say(ask);
  (void)deaf.hear("\r\n\r\n");
  const std::string much(100'000, 'x');
  for (int i = 0; i < 300; ++i) server_->publish("ticks", "tick", much);  // 30 MB: more than any socket's buffers
  Wire well{port_};
  well.say(ask);
  (void)well.hear("xxx\n\n");
  server_->publish("ticks", "tick", "after");
  EXPECT_TRUE(well.hear("after\n\n").contains("after\n\n"));
  EXPECT_FALSE(deaf.hear("after\n\n").contains("after\n\n"));
}

}  // namespace
}  // namespace tidegate
