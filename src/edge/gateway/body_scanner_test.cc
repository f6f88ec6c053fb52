#include "edge/gateway/body_scanner.h"

#include <gtest/gtest.h>

#include "edge/gateway/sse_counter.h"

namespace tidegate {
namespace {

BodyScanner scanned(std::string_view body, std::size_t piece = 1000) {
  BodyScanner scanner;
  for (; !body.empty(); body.remove_prefix(std::min(piece, body.size()))) scanner.feed(body.substr(0, piece));
  return scanner;
}

TEST(BodyScanner, FindsTheModelWhereverItStands) {
  const std::string_view bodies[] = {
      R"({"model":"m"})",
      R"( { "stream" : true , "model" : "m" } )",
      R"({"messages":[{"role":"user","content":"say \"model\": {[}] \\"}],"model":"m","n":-1.5e3})",
      R"({"nested":{"model":"not this"},"model":"m"})",
      R"({"a":"model","b":["model","x"],"model":"m"})",
      R"({"mod\u0065l":"\u006d"})",
  };
  for (const auto body : bodies)
    for (const std::size_t piece : {1u, 3u, 1000u}) {
      const BodyScanner scanner = scanned(body, piece);
      EXPECT_EQ(scanner.state(), BodyScanner::State::done) << body;
      EXPECT_EQ(scanner.model(), "m") << body;
    }
}

TEST(BodyScanner, KnowsTheModelBeforeTheEnd) {
  const BodyScanner scanner = scanned(R"({"model":"m","messages":[)");
  EXPECT_EQ(scanner.state(), BodyScanner::State::scanning);
  EXPECT_EQ(scanner.model(), "m");
}

TEST(BodyScanner, DecodesEscapes) {
  EXPECT_EQ(scanned(R"({"model":"a\/b\"c\\d\u00e4\ud83d\ude00"})").model(), "a/b\"c\\d\u00e4\U0001F600");
}

TEST(BodyScanner, RefusesWhatAServerMightReadOtherwise) {
  const std::string bodies[] = {
      R"([])",
      R"("model")",
      R"({"model":"a","model":"b"})",
      R"({"model":1})",
      R"({"model":null})",
      R"({"model":["m"]})",
      R"({"a":[1}})",
      R"({"a" "b"})",
      R"({,})",
      R"({"a":1,})",
      R"({model:"m"})",
      R"({"a":"\x"})",
      R"({"a":"\u00g0"})",
      R"({"model":"m"} x)",
      "{\"model\":\"a\nb\"}",
      "{\"model\":\"" + std::string(300, 'x') + "\"}",
      "{\"a\":" + std::string(200, '['),
  };
  for (const auto& body : bodies) EXPECT_EQ(scanned(body, 1).state(), BodyScanner::State::bad) << body;
}

TEST(BodyScanner, SeesStreamSessionAndPrompt) {
  const std::string_view body = R"({"user":"u","prompt_cache_key":"k","stream":true,"prompt":"abc","model":"m"})";
  const BodyScanner scanner = scanned(body, 2);
  EXPECT_EQ(scanner.stream(), true);
  EXPECT_EQ(scanner.session(), "k");
  EXPECT_EQ(body.substr(scanner.prompt_begin(), scanner.prompt_end() - scanner.prompt_begin()), "\"abc\"");
  EXPECT_EQ(scanned(R"({"stream":false})").stream(), false);
  EXPECT_EQ(scanned(R"({"user":"u"})").session(), "u");
}

TEST(SseCounter, CountsEventsWithData) {
  const std::string_view text = "data: a\n\n: waiting\n\nevent: x\ndata: b\ndata: c\n\ndata: d\r\n\r\n\n\ndata: open";
  for (const std::size_t piece : {1u, 2u, 5u, 1000u}) {
    SseCounter counter;
    std::uint32_t events = 0;
    for (std::size_t at = 0; at < text.size(); at += piece) events += counter.count(text.substr(at, piece));
    EXPECT_EQ(events, 3u) << piece;
  }
}

}  // namespace
}  // namespace tidegate
