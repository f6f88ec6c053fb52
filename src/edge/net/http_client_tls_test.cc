// Whom we trust, whom we show ourselves to, and answers that are followed while they come.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "edge/net/http_client.h"
#include "edge/net/testing/fake_http_server.h"
#include "edge/net/testing/tls_test_server.h"

namespace tidegate {
namespace {

class HttpClientTls : public testing::Test {
 protected:
  static std::string answer(const TlsRequest& request) {
    const std::size_t host = request.head.find("Host: ");
    const std::string body = fmt::format("peer={} sni={} {}", request.peer, request.server_name,
                                         request.head.substr(host, request.head.find('\r', host) - host));
    return fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
  }
  Result<HttpResponse> ask(const TlsTestServer& server, HttpTls tls) { return ask(client_, server, std::move(tls)); }
  static Result<HttpResponse> ask(HttpClient& client, const TlsTestServer& server, HttpTls tls) {
    return client.fetch(
        {.url = server.url("127.0.0.1"), .direct = true, .tls = std::make_shared<const HttpTls>(std::move(tls))});
  }

  TestAuthority authority_{"our authority"};
  TestAuthority stranger_{"their authority"};
  HttpClient client_;
};

TEST_F(HttpClientTls, OnlyTheAuthoritiesGivenAreTrusted) {
  const TlsTestServer server{authority_.issue("server", {"IP:127.0.0.1"}), "", answer};
  const auto trusted = ask(server, {.authorities = authority_.certificate()});
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_TRUE(trusted->body.starts_with("peer= "));
  for (const std::string& authorities : {std::string{}, stranger_.certificate()}) {
    const auto refused = ask(server, {.authorities = authorities});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::denied) << refused.error().message;
  }
  EXPECT_TRUE(ask(server, {.insecure = true}));
  // That one request did without must not open the door for the next.
  EXPECT_FALSE(ask(server, {.authorities = stranger_.certificate()}));
}

TEST_F(HttpClientTls, TheNameIsVerifiedAndMayBeAnother) {
  const TlsTestServer server{authority_.issue("server", {"DNS:kubernetes.test"}), "", answer};
  const auto wrong = ask(server, {.authorities = authority_.certificate()});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::denied) << wrong.error().message;
  const auto named = ask(server, {.authorities = authority_.certificate(), .server_name = "kubernetes.test"});
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_TRUE(named->body.contains("sni=kubernetes.test Host: 127.0.0.1:")) << named->body;
  EXPECT_EQ(ask(server, {.server_name = "a b"}).error().kind, ErrorKind::invalid);
}

TEST_F(HttpClientTls, ShowsItsCertificateToThoseWhoAsk) {
  const TlsTestServer server{authority_.issue("server", {"IP:127.0.0.1"}), authority_.certificate(), answer};
  const auto ours = authority_.issue("tidegate", {});
  const auto known =
      ask(server, {.authorities = authority_.certificate(), .certificate = ours.certificate, .key = ours.key});
  ASSERT_TRUE(known) << known.error().message;
  EXPECT_TRUE(known->body.starts_with("peer=tidegate "));
  // A connection made with a certificate is none for a request without.
  EXPECT_FALSE(ask(server, {.authorities = authority_.certificate()}));
  const auto theirs = stranger_.issue("tidegate", {});
  EXPECT_FALSE(
      ask(server, {.authorities = authority_.certificate(), .certificate = theirs.certificate, .key = theirs.key}));
  // By a client of its own: the one above still has its connection for that certificate.
  HttpClient other;
  const auto mixed =
      ask(other, server, {.authorities = authority_.certificate(), .certificate = ours.certificate, .key = theirs.key});
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().kind, ErrorKind::invalid) << mixed.error().message;
}

TEST_F(HttpClientTls, WhatIsNoCertificateIsNamedInvalid) {
  const TlsTestServer server{authority_.issue("server", {"IP:127.0.0.1"}), "", answer};
  const auto ours = authority_.issue("tidegate", {});
  EXPECT_EQ(ask(server, {.authorities = "rubbish"}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(ask(server, {.certificate = "rubbish", .key = ours.key}).error().kind, ErrorKind::invalid);
}

TEST(HttpClientFollow, HandsTheBodyOnAsItComes) {
  FakeHttpServer server{[](const std::string&) {
    return FakeAnswer{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + std::string(200, 'x'),
                      .pause = 200ms};
  }};
  HttpClient client;
  std::string seen;
  int calls = 0;  // the head, and the body in two parts
  const auto followed = client.follow(
      {.url = server.url(), .body_max = 5}, [&](std::string_view bytes) { return seen += bytes, ++calls > 0; }, 5s);
  ASSERT_TRUE(followed) << followed.error().message;
  EXPECT_EQ(followed->status, 200);
  EXPECT_EQ(seen, std::string(200, 'x'));
  EXPECT_GE(calls, 3);
  EXPECT_TRUE(followed->body.empty());
}

TEST(HttpClientFollow, KeepsTheBodyOfARefusal) {
  FakeHttpServer server{[](const std::string&) { return http_answer(410, "too old"); }};
  HttpClient client;
  const auto followed = client.follow({.url = server.url()}, [](std::string_view) { return true; }, 5s);
  ASSERT_TRUE(followed);
  EXPECT_EQ(followed->status, 410);
  EXPECT_EQ(followed->body, "too old");
}

TEST(HttpClientFollow, EndsWhenTheSinkHasEnough) {
  FakeHttpServer server{[](const std::string&) {
    return FakeAnswer{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning", .close = false};
  }};
  HttpClient client;
  const auto followed =
      client.follow({.url = server.url(), .timeout = 60s}, [](std::string_view) { return false; }, 9s);
  ASSERT_TRUE(followed) << followed.error().message;
  EXPECT_EQ(followed->status, 200);
}

TEST(HttpClientFollow, SilenceAndStopAreUnreachable) {
  FakeHttpServer server{[](const std::string& request) {
    if (request.starts_with("GET /mute")) return FakeAnswer{.never = true};
    return FakeAnswer{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning", .close = false};
  }};
  HttpClient client;
  const auto take = [](std::string_view) { return true; };
  for (const char* path : {"/mute", "/begins"}) {
    const auto silent = client.follow({.url = server.url(path), .timeout = 60s}, take, 300ms);
    ASSERT_FALSE(silent);
    EXPECT_EQ(silent.error().kind, ErrorKind::unreachable);
    EXPECT_TRUE(silent.error().message.ends_with("nothing came for 300ms")) << silent.error().message;
  }
  std::stop_source stop;
  const std::jthread later{[&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  }};
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(client.follow({.url = server.url(), .timeout = 60s}, take, 60s, stop.get_token()));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST(HttpClientProxy, ARequestMayNameItsProxy) {
  FakeHttpServer proxy{[](const std::string&) { return http_answer(200, "by proxy"); }};
  HttpClient client;
  const auto answer = client.fetch({.url = "http://nowhere.test/path", .proxy = proxy.url("")});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "by proxy");
  EXPECT_TRUE(proxy.requests().at(0).starts_with("GET http://nowhere.test/path HTTP/1.1\r\n"));
}

}  // namespace
}  // namespace tidegate
