#include "edge/net/framing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace tidegate {
namespace {

HeadParse request(std::string_view bytes) {
  HeadParser parser;
  return parser.request(bytes);
}

std::string with(std::string_view fields) { return fmt::format("POST /x HTTP/1.1\r\nHost: h\r\n{}\r\n", fields); }

TEST(Framing, ReadsARequestHead) {
  HeadParser parser;
  const std::string bytes =
      "POST /v1/x?a=b HTTP/1.1\r\nHost: h:80\r\nContent-Length:  12 \r\nX-Session-Id: s\r\n\r\nrest";
  const HeadParse parse = parser.request(bytes);
  ASSERT_EQ(parse.parse, Parse::complete);
  EXPECT_EQ(bytes.substr(parse.consumed), "rest");
  EXPECT_EQ(parser.head().method, "POST");
  EXPECT_EQ(parser.head().target, "/v1/x?a=b");
  EXPECT_EQ(parser.head().host, "h:80");
  EXPECT_EQ(parser.head().body, BodyKind::length);
  EXPECT_EQ(parser.head().content_length, 12u);
  EXPECT_TRUE(parser.head().keep_alive);
  EXPECT_EQ(parser.head().value(Field::x_session_id), "s");
}

TEST(Framing, AnyPrefixOfAHeadIsIncomplete) {
  const std::string bytes = with("Content-Length: 3\r\nA: b\r\n");
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_EQ(request(std::string_view(bytes).substr(0, length)).parse, Parse::incomplete) << length;
  EXPECT_EQ(request(bytes).parse, Parse::complete);
}

// Every way known to make two servers disagree about where a request ends.
TEST(Framing, RefusesWhatIsAmbiguous) {
  using namespace std::string_literals;
  const std::string corpus[] = {
      with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
      with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
      with("Content-Length: 3\r\nContent-Length: 3\r\n"),
      with("Content-Length: 3\r\nContent-Length: 4\r\n"),
      with("Content-Length: 3, 3\r\n"),
      with("Content-Length:\r\n"),
      with("Content-Length: +3\r\n"),
      with("Content-Length: -3\r\n"),
      with("Content-Length: 0x3\r\n"),
      with("Content-Length: 3 4\r\n"),
      with("Content-Length: 3a\r\n"),
      with("Content-Length: 9999999999999999999\r\n"),
      with("Content-Length : 3\r\n"),
      with("Content-Length\t: 3\r\n"),
      with("Content_Length: 3\r\n"),
      with(" Content-Length: 3\r\n"),
      with("A: b\r\n Content-Length: 3\r\n"),
      with("A: b\r\n\tfolded\r\n"),
      with("Transfer-Encoding: gzip\r\n"),
      with("Transfer-Encoding: chunked, gzip\r\n"),
      with("Transfer-Encoding: gzip, chunked\r\n"),
      with("Transfer-Encoding: chunked, identity\r\n"),
      with("Transfer-Encoding: xchunked\r\n"),
      with("Transfer-Encoding: \"chunked\"\r\n"),
      with("Transfer-Encoding:\r\n"),
      with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      with("Transfer-Encoding: \x0b"
           "chunked\r\n"),
      with("Transfer-Encoding : chunked\r\n"),
      with("Transfer_Encoding: chunked\r\n"),
      with(": empty\r\n"),
      with("no colon\r\n"),
      with("A\0B: x\r\n"s),
      with("A: x\0y\r\n"s),
      with("A: x\x7f\r\n"),
      with("A: x\ry\r\n"),
      with("A(b): x\r\n"),
      with("Host: other\r\n"),
      with("Expect: miracles\r\n"),
      "POST /x HTTP/1.1\nHost: h\r\n\r\n",
      "POST /x HTTP/1.1\r\nHost: h\n\r\n",
      "POST /x HTTP/1.1\r\nHost: h\r\n\n",
      "POST /x HTTP/1.1\r\nA: b\r\n\r\n",
      "POST  /x HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /x y HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /x\tHTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /x HTTP/1.2\r\nHost: h\r\n\r\n",
      "POST /x HTTP/2.0\r\nHost: h\r\n\r\n",
      "POST /x http/1.1\r\nHost: h\r\n\r\n",
      "POST /x\r\n\r\n",
      " POST /x HTTP/1.1\r\nHost: h\r\n\r\n",
      "PO(ST /x HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST x HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST http://other/x HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST http://h HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST /x HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "HTTP/1.1 200 OK\r\nHost: h\r\n\r\n",
  };
  for (const std::string& bytes : corpus) EXPECT_EQ(request(bytes).parse, Parse::bad) << bytes;
}

TEST(Framing, TakesWhatIsPlain) {
  const std::string corpus[] = {
      with("Content-Length: 0\r\n"),
      with("Content-Length: 00012\r\n"),
      with("transfer-encoding: CHUNKED\r\n"),
      with("A:\r\n"),
      with("A:b\r\nA: c\r\n"),
      with("A: \xc3\xa4\r\n"),
      "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
  };
  for (const std::string& bytes : corpus) EXPECT_EQ(request(bytes).parse, Parse::complete) << bytes;
}

TEST(Framing, BoundsFieldsAndBytes) {
  std::string many;
  for (std::size_t i = 1; i < head_fields_max; ++i) many += "A: b\r\n";
  EXPECT_EQ(request(with(many)).parse, Parse::complete);
  EXPECT_EQ(request(with(many + "A: b\r\n")).status, 431);
  EXPECT_EQ(request(with("A: " + std::string(head_bytes_max, 'x') + "\r\n")).status, 431);
  // Also before the end of the head has come.
  EXPECT_EQ(request("GET / HTTP/1.1\r\nA: " + std::string(head_bytes_max, 'x')).status, 431);
  EXPECT_EQ(request("GET /" + std::string(head_bytes_max, 'x')).status, 414);
}

TEST(Framing, KnowsWhenTheConnectionEnds) {
  HeadParser parser;
  const auto keeps = [&](std::string_view bytes) {
    EXPECT_EQ(parser.request(bytes).parse, Parse::complete) << bytes;
    return parser.head().keep_alive;
  };
  EXPECT_TRUE(keeps(with("")));
  EXPECT_FALSE(keeps(with("Connection: close\r\n")));
  EXPECT_FALSE(keeps(with("Connection: x, Close\r\n")));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps(with("Connection: Upgrade\r\nUpgrade: websocket\r\n")));
  EXPECT_TRUE(parser.head().wants_upgrade);
  EXPECT_TRUE(keeps(with("Upgrade: websocket\r\n")));
  EXPECT_FALSE(parser.head().wants_upgrade);
}

TEST(Framing, ReadsAResponseHead) {
  HeadParser parser;
  const auto kind = [&](std::string_view bytes, bool head_request = false) {
    EXPECT_EQ(parser.response(bytes, head_request).parse, Parse::complete) << bytes;
    return parser.head().body;
  };
  EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), BodyKind::length);
  EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true), BodyKind::none);
  EXPECT_EQ(kind("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), BodyKind::chunked);
  EXPECT_EQ(kind("HTTP/1.1 200\r\n\r\n"), BodyKind::until_close);
  EXPECT_EQ(kind("HTTP/1.1 204 No Content\r\n\r\n"), BodyKind::none);
  EXPECT_EQ(kind("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), BodyKind::none);
  EXPECT_EQ(kind("HTTP/1.1 100 Continue\r\n\r\n"), BodyKind::none);
  for (const std::string_view bytes :
       {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"})
    EXPECT_EQ(parser.response(bytes, false).parse, Parse::bad) << bytes;
}

// The payload and what follows the body; "bad" when refused.
std::string follow(BodyFraming framing, std::string_view bytes, std::size_t piece) {
  std::string payload;
  while (!bytes.empty() && !framing.is_done()) {
    const auto part = bytes.substr(0, piece);
    const auto step = framing.advance(part, [&](std::string_view stretch) { payload += stretch; });
    if (step.bad) return "bad";
    bytes.remove_prefix(step.consumed);
    if (step.consumed < part.size() && !framing.is_done()) return "stuck";
  }
  return fmt::format("{}|{}|{}", payload, framing.is_done() ? "done" : "open", bytes);
}

TEST(Framing, FollowsBodiesInPiecesOfAnySize) {
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 100u}) {
    EXPECT_EQ(follow({BodyKind::length, 5}, "hellomore", piece), "hello|done|more");
    EXPECT_EQ(follow({BodyKind::chunked, 0}, "5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nmore", piece),
              "hello0123456789|done|more");
    EXPECT_EQ(follow({BodyKind::chunked, 0}, "1\r\nx\r\n0\r\nTrailer: t\r\nB: c\r\n\r\nmore", piece), "x|done|more");
    EXPECT_EQ(follow({BodyKind::chunked, 0}, "3\r\nab", piece), "ab|open|");
    EXPECT_EQ(follow({BodyKind::until_close, 0}, "anything", piece), "anything|open|");
  }
}

TEST(Framing, RefusesBadChunks) {
  const std::string corpus[] = {
      "\r\n",
      "g\r\n",
      "-1\r\n",
      " 1\r\nx\r\n",
      "1 \r\nx\r\n",
      "0x1\r\nx\r\n",
      "1\nx\r\n",
      "1\r\nxx\r\n",
      "1\r\nx\n",
      "1\r\nx\r\r",
      "1\r\rx",
      "1;a\nb\r\nx\r\n",
      "1;" + std::string(300, 'e') + "\r\nx\r\n",
      "10000000000000000\r\n",
      "0\r\nA\nB\r\n\r\n",
      "0\r\n" + std::string(5000, 't') + "\r\n\r\n",
      std::string("0\r\nA: \0\r\n\r\n", 11),
  };
  for (const std::string& bytes : corpus) EXPECT_EQ(follow({BodyKind::chunked, 0}, bytes, 1), "bad") << bytes;
}

}  // namespace
}  // namespace tidegate
