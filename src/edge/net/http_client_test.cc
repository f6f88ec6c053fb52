#include "edge/net/http_client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <chrono>

#include "edge/net/testing/fake_http_server.h"

namespace tidegate {
namespace {

std::string gzipped(const std::string& plain) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(plain.size() + 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TEST(HttpClient, AnswersWithStatusHeadersAndBody) {
  FakeHttpServer server{[](const std::string&) { return http_answer(418, "short and stout", "X-Kind:  pot \r\n"); }};
  HttpClient client;
  const auto answer = client.fetch({.url = server.url("/tea?a=b"), .bearer = "s3cret"});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 418);
  EXPECT_EQ(answer->body, "short and stout");
  EXPECT_EQ(answer->header("x-kind"), "pot");
  EXPECT_TRUE(server.requests().at(0).starts_with("GET /tea?a=b HTTP/1.1\r\n"));
  EXPECT_NE(server.requests().at(0).find("Authorization: Bearer s3cret\r\n"), std::string::npos);
}

TEST(HttpClient, PostsABodyAndBasicCredentials) {
  FakeHttpServer server{[](const std::string&) { return http_answer(200, "ok"); }};
  HttpClient client;
  ASSERT_TRUE(client.fetch({.method = "POST", .url = server.url(), .body = "hello", .basic = BasicAuth{"a", "b"}}));
  const std::string request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST / "));
  EXPECT_TRUE(request.ends_with("\r\n\r\nhello"));
  EXPECT_NE(request.find("Authorization: Basic YTpi\r\n"), std::string::npos);
  EXPECT_EQ(request.find("Expect:"), std::string::npos);
}

TEST(HttpClient, ReusesConnections) {
  FakeHttpServer server{[](const std::string&) { return http_answer(200, "ok"); }};
  HttpClient client;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.fetch({.url = server.url()}));
  EXPECT_EQ(server.connections(), 1u);
}

TEST(HttpClient, DoesNotFollowRedirects) {
  FakeHttpServer server{[](const std::string&) { return http_answer(302, "", "Location: http://127.0.0.1:1/\r\n"); }};
  HttpClient client;
  const std::string url = server.url();
  const auto answer = require_ok(client.fetch({.url = url, .bearer = "s3cret"}), url);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("redirect"), std::string::npos);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpClient, BoundsBodiesAlsoUnpacked) {
  const std::string zeros(5'000'000, '0');
  FakeHttpServer server{[&](const std::string& request) {
    if (request.starts_with("GET /packed")) return http_answer(200, gzipped(zeros), "Content-Encoding: gzip\r\n");
    return http_answer(200, zeros);
  }};
  HttpClient client;
  for (const char* path : {"/plain", "/packed"}) {
    const auto answer = client.fetch({.url = server.url(path), .body_max = 1'000'000});
    ASSERT_FALSE(answer) << path;
    EXPECT_EQ(answer.error().kind, ErrorKind::too_large) << path << answer.error().message;
    const auto roomy = client.fetch({.url = server.url(path)});
    ASSERT_TRUE(roomy) << path;
    EXPECT_EQ(roomy->body, zeros);
  }
}

TEST(HttpClient, BoundsHeaders) {
  FakeHttpServer server{
      [](const std::string&) { return http_answer(200, "", "X: " + std::string(90'000, 'x') + "\r\n"); }};
  HttpClient client;
  const auto answer = client.fetch({.url = server.url()});
  ASSERT_FALSE(answer);
}

TEST(HttpClient, SaysWhyNothingCame) {
  FakeHttpServer silent{[](const std::string&) { return FakeAnswer{.never = true}; }};
  FakeHttpServer cut{
      [](const std::string&) { return FakeAnswer{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"}; }};
  FakeHttpServer rubbish{[](const std::string&) { return FakeAnswer{.bytes = "SSH-2.0-OpenSSH_9.2\r\n"}; }};
  HttpClient client;
  const auto late = client.fetch({.url = silent.url(), .timeout = 50ms});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::unreachable);
  EXPECT_NE(late.error().message.find("no answer within 50ms"), std::string::npos) << late.error().message;
  const auto broken = client.fetch({.url = cut.url()});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::unreachable);
  EXPECT_FALSE(client.fetch({.url = rubbish.url()}));
  const auto refused = client.fetch({.url = "http://user:pass@127.0.0.1:1/x?token=t"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unreachable);
  EXPECT_TRUE(refused.error().message.starts_with("http://127.0.0.1:1/x: ")) << refused.error().message;
}

TEST(HttpClient, RefusesOtherSchemesAndLineBreaks) {
  HttpClient client;
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "http://"}) {
    const auto answer = client.fetch({.url = url});
    ASSERT_FALSE(answer) << url;
    EXPECT_EQ(answer.error().kind, ErrorKind::invalid) << url << answer.error().message;
  }
  const auto split = client.fetch({.url = "http://127.0.0.1:1/", .headers = {{"X", "a\r\nY: b"}}});
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().kind, ErrorKind::invalid);
}

TEST(HttpClient, OneHungServerDoesNotDelayTheOthers) {
  FakeHttpServer silent{[](const std::string&) { return FakeAnswer{.never = true}; }};
  FakeHttpServer quick{[](const std::string&) { return http_answer(200, "ok"); }};
  std::vector<HttpRequest> requests{{.url = silent.url()}};
  for (int i = 0; i < 300; ++i) requests.push_back({.url = quick.url(fmt::format("/{}", i))});
  HttpClient client;
  const auto answers = client.fetch_all(requests, 2s);
  EXPECT_FALSE(answers[0]);
  for (std::size_t i = 1; i < answers.size(); ++i) ASSERT_TRUE(answers[i]) << i << answers[i].error().message;
}

TEST(HttpClient, StopsWhenAsked) {
  FakeHttpServer silent{[](const std::string&) { return FakeAnswer{.never = true}; }};
  std::stop_source stop;
  stop.request_stop();
  HttpClient client;
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(client.fetch({.url = silent.url(), .timeout = 60s}, stop.get_token()));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST(HttpTexts, UrlsAreShownWithoutSecrets) {
  EXPECT_EQ(printable_url("https://u:p@h:9090/a/b?q=1#f"), "https://h:9090/a/b");
  EXPECT_EQ(printable_url("http://h/a@b"), "http://h/a@b");
  EXPECT_EQ(printable_url("u:p@h"), "h");
  EXPECT_EQ(percent_encoded("a b&c=\"é\""), "a%20b%26c%3D%22%C3%A9%22");
  EXPECT_EQ(printable_excerpt("a\x1b[31mb\n", 256), "a?[31mb");
  EXPECT_EQ(printable_excerpt("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace tidegate
