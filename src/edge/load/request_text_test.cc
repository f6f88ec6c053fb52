#include "edge/load/request_text.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

TEST(LoadUrl, TakesUrlsApart) {
  EXPECT_EQ(parse_load_url("http://h:8080/v1/x?y=1#z"), (LoadUrl{"h", 8080, "/v1/x?y=1", "h:8080"}));
  EXPECT_EQ(parse_load_url("http://h"), (LoadUrl{"h", 80, "/", "h"}));
  EXPECT_EQ(parse_load_url("http://h?a"), (LoadUrl{"h", 80, "/?a", "h"}));
  EXPECT_EQ(parse_load_url("http://[::1]:81/"), (LoadUrl{"::1", 81, "/", "[::1]:81"}));
}

TEST(LoadUrl, RefusesWhatItCannotAsk) {
  for (const auto* wrong : {"", "h:80", "ftp://h", "http://", "http://h:0", "http://h:99999", "http://h:x",
                            "http://h y", "http://u:p@h/", "http://[::1", "http://[::1]x"})
    EXPECT_FALSE(parse_load_url(wrong)) << wrong;
  const auto tls = parse_load_url("https://h/");
  ASSERT_FALSE(tls);
  EXPECT_NE(tls.error().message.find("https is not supported"), std::string::npos);
}

TEST(LoadUrl, ThePathTellsTheShape) {
  auto none = *parse_load_url("http://h");
  EXPECT_EQ(shape_of(none), RequestShape::chat);
  EXPECT_EQ(none.target, "/v1/chat/completions");
  auto completions = *parse_load_url("http://h/v1/completions?x");
  EXPECT_EQ(shape_of(completions), RequestShape::completion);
  auto chat = *parse_load_url("http://h/v1/chat/completions");
  EXPECT_EQ(shape_of(chat), RequestShape::chat);
}

TEST(LoadUrl, ResolvesNumbersAndRefusesNames) {
  EXPECT_EQ(resolve(*parse_load_url("http://127.0.0.1:1"))->size(), 1u);
  const auto none = resolve(*parse_load_url("http://no-such-host.invalid"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::unreachable);
}

TEST(RequestText, IsWhatAnOpenAiServerReads) {
  RequestStyle style{.url = *parse_load_url("http://h:8080/v1/completions"),
                     .shape = RequestShape::completion,
                     .model = "chat",
                     .bearer = "k"};
  EXPECT_EQ(request_text(style, {.input_tokens = 2, .output_tokens = 7, .session = "a\r\nb"}, 0),
            "POST /v1/completions HTTP/1.1\r\nHost: h:8080\r\nUser-Agent: tidegate-load\r\n"
            "Authorization: Bearer k\r\nX-Session-Id: a__b\r\nX-Tidegate-Timing: 1\r\n"
            "Content-Type: application/json\r\nx-emulate-input-tokens: 2\r\nx-emulate-output-tokens: 7\r\n"
            "Content-Length: 65\r\n\r\n" +
                std::string{R"({"model":"chat","stream":true,"max_tokens":7,"prompt":")"} +
                prompt_text({.input_tokens = 2}, 0) + "\"}");
  style.shape = RequestShape::plain;
  EXPECT_TRUE(request_text(style, {}, 0).starts_with("GET /v1/completions HTTP/1.1\r\n"));
  EXPECT_TRUE(request_text(style, {}, 0).ends_with("\r\n\r\n"));
}

TEST(RequestText, EqualBeginningsInTheTraceAreEqualOnTheWire) {
  const auto a = prompt_text({.input_tokens = 2000, .prefix = {1, 2, 3, 4}}, 1);
  const auto b = prompt_text({.input_tokens = 1800, .prefix = {1, 2, 3, 9}}, 2);
  EXPECT_EQ(a.size(), 8000u);
  EXPECT_EQ(b.size(), 7200u);
  const auto same = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
  EXPECT_GE(same, 3 * 2048);
  EXPECT_LT(same, 3 * 2048 + 64);
  EXPECT_EQ(a, prompt_text({.input_tokens = 2000, .prefix = {1, 2, 3, 4}}, 77));
}

TEST(RequestText, OtherPromptsAreLikeNoOther) {
  const auto a = prompt_text({.input_tokens = 500}, 1);
  const auto b = prompt_text({.input_tokens = 500}, 2);
  EXPECT_NE(a.substr(0, 64), b.substr(0, 64));
  EXPECT_EQ(prompt_text({.input_tokens = 0}, 1).size(), 4u);
  EXPECT_EQ(prompt_text({.input_tokens = 10'000'000}, 1).size(), prompt_bytes_max);
}

}  // namespace
}  // namespace tidegate
