#include "edge/load/response_reader.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

using Progress = ResponseReader::Progress;

Instant at(double second) { return instant_at(second); }

const std::string sse_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nServer-Timing: queue;dur=1250.5\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

std::string chunk(const std::string& text) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + text + "\r\n";
}

TEST(ResponseReader, NotesTheTimesOfTokens) {
  HeadParser parser;
  ResponseReader reader;
  EXPECT_EQ(reader.feed(sse_head, at(1), parser), Progress::more);
  EXPECT_EQ(reader.feed(chunk(": waiting\n\n"), at(2), parser), Progress::more);
  EXPECT_FALSE(reader.first());
  EXPECT_EQ(reader.feed(chunk("data: {\"a\":1}\n\n"), at(3), parser), Progress::more);
  EXPECT_EQ(reader.feed(chunk("data: {\"a\":2}\n\ndata: {\"a\":3}\n\n"), at(5), parser), Progress::more);
  EXPECT_EQ(reader.feed(chunk("data: [DONE]\n\n") + "0\r\n\r\n", at(6), parser), Progress::complete);
  EXPECT_EQ(reader.first(), at(3));
  EXPECT_EQ(reader.last(), at(5));
  EXPECT_EQ(reader.tokens(), 3u);
  EXPECT_EQ(reader.queue(), 1250500us);
  EXPECT_TRUE(reader.keeps_connection());
  EXPECT_FALSE(reader.told_error());
}

TEST(ResponseReader, BytesMayComeOneByOne) {
  HeadParser parser;
  ResponseReader reader;
  const std::string all = "HTTP/1.1 100 Continue\r\n\r\n" + sse_head + chunk("data: x\r\n\r\ndata:y\n\n") +
                          chunk("data: [DONE]\n\n") + "0\r\n\r\n";
  for (std::size_t i = 0; i < all.size(); ++i)
    ASSERT_EQ(reader.feed(all.substr(i, 1), at(1), parser), i + 1 < all.size() ? Progress::more : Progress::complete);
  EXPECT_EQ(reader.tokens(), 2u);
}

TEST(SseScanner, OnlyALoneReturnIsABlankLine) {
  for (const std::size_t piece : {1u, 100u}) {
    SseScanner scanner;
    std::uint32_t tokens = 0;
    // The line of two returns is not blank, so the event goes on.
    const std::string_view text = "data: x\n\r\r\ndata: y\r\n\r\n";
    for (std::size_t at = 0; at < text.size(); at += piece) tokens += scanner.scan(text.substr(at, piece)).tokens;
    EXPECT_EQ(tokens, 1u) << piece;
  }
}

TEST(ResponseReader, AnErrorInsideAStreamIsSeen) {
  HeadParser parser;
  ResponseReader reader;
  EXPECT_EQ(reader.feed(sse_head + chunk("data: {\"error\": {\"code\": 1}}\n\n") + "0\r\n\r\n", at(1), parser),
            Progress::complete);
  EXPECT_TRUE(reader.told_error());
}

TEST(ResponseReader, APlainAnswerBeginsWithItsFirstByte) {
  HeadParser parser;
  ResponseReader reader;
  EXPECT_EQ(reader.feed("HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\n", at(1), parser),
            Progress::more);
  EXPECT_EQ(reader.feed("bus", at(2), parser), Progress::more);
  EXPECT_EQ(reader.feed("y", at(3), parser), Progress::complete);
  EXPECT_EQ(reader.status(), 503);
  EXPECT_EQ(reader.first(), at(2));
  EXPECT_FALSE(reader.queue());
}

TEST(ResponseReader, AnEmptyBodyIsAnAnswer) {
  HeadParser parser;
  ResponseReader reader;
  EXPECT_EQ(reader.feed("HTTP/1.1 204 No\r\n\r\n", at(4), parser), Progress::complete);
  EXPECT_EQ(reader.first(), at(4));
}

TEST(ResponseReader, WhatEndsTooSoonIsMalformed) {
  HeadParser parser;
  ResponseReader begun;
  EXPECT_EQ(begun.feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", at(1), parser), Progress::more);
  EXPECT_EQ(begun.closed(at(2)), Progress::malformed);
  ResponseReader none;
  EXPECT_EQ(none.closed(at(2)), Progress::malformed);
  EXPECT_FALSE(none.has_begun());
  ResponseReader until_close;
  EXPECT_EQ(until_close.feed("HTTP/1.1 200 OK\r\n\r\nabc", at(1), parser), Progress::more);
  EXPECT_EQ(until_close.closed(at(2)), Progress::complete);
  EXPECT_FALSE(until_close.keeps_connection());
}

TEST(ResponseReader, JunkBehindTheBodyEndsTheConnection) {
  HeadParser parser;
  ResponseReader reader;
  EXPECT_EQ(reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", at(1), parser), Progress::complete);
  EXPECT_FALSE(reader.keeps_connection());
}

TEST(ServerTiming, FindsTheQueue) {
  EXPECT_EQ(queue_of("queue;dur=12.5"), 12500us);
  EXPECT_EQ(queue_of("cache;desc=x, queue;dur=0"), 0ns);
  EXPECT_FALSE(queue_of("queue;dur=-1"));
  EXPECT_FALSE(queue_of("queue"));
  EXPECT_FALSE(queue_of("enqueue;dur=3"));
}

}  // namespace
}  // namespace tidegate
