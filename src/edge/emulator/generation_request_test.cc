#include "edge/emulator/generation_request.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

namespace tidegate {
namespace {

using Kind = GenerationKind;
constexpr std::int32_t drawn = 77;

GenerationParser::Answer parse(Kind kind, std::string_view body, const EmulateFields& fields = {}) {
  static GenerationParser parser;
  return parser.parse(kind, body, fields, drawn);
}

GenerationRequest good(Kind kind, std::string_view body, const EmulateFields& fields = {}) {
  const auto answer = parse(kind, body, fields);
  EXPECT_TRUE(answer.request) << answer.refusal.message;
  return answer.request.value_or(GenerationRequest{});
}

TEST(generation_request, counts_the_prompt) {
  const std::pair<std::string_view, std::int32_t> table[] = {{R"("abcdefgh")", 2},   {R"("abcdefghi")", 3},
                                                             {R"("")", 1},           {R"([5, 6, 7])", 3},
                                                             {R"(["abcdefgh"])", 2}, {R"([[1, 2, 3, 4]])", 4}};
  for (const auto& [prompt, tokens] : table) {
    const auto request = good(Kind::completion, fmt::format(R"({{"model":"m","prompt":{}}})", prompt));
    EXPECT_EQ(request.input_tokens, tokens) << prompt;
  }
  // Four tokens a message and two of text.
  EXPECT_EQ(good(Kind::chat, R"({"model":"m","messages":[{"role":"user","content":"abcdefgh"}]})").input_tokens, 6);
  EXPECT_EQ(good(Kind::chat, R"({"model":"m","messages":[{"role":"system","content":[{"type":"text","text":"abcd"},
                              {"type":"image_url","image_url":{"url":"x"}}]},{"role":"assistant","content":null}]})")
                .input_tokens,
            9);
  EXPECT_EQ(good(Kind::completion, R"({"model":"m","prompt":"a"})", {.input_tokens = 4096}).input_tokens, 4096);
}

TEST(generation_request, the_length_of_the_answer) {
  struct Row {
    std::string_view fields;
    std::optional<std::int32_t> natural;
    std::int32_t completion, chat;
    bool is_cut_completion, is_cut_chat;
  };
  const Row table[] = {
      {"", {}, 16, drawn, true, false},  // a completion is cut after 16
      {R"(,"max_tokens":200)", {}, 200, 200, true, true},
      {R"(,"max_tokens":200,"max_completion_tokens":50)", {}, 50, 50, true, true},
      {R"(,"max_tokens":200)", 120, 120, 120, false, false},
      {R"(,"max_tokens":200)", 500, 200, 200, true, true},
      {R"(,"max_tokens":200,"min_tokens":150)", 120, 150, 150, false, false},
      {R"(,"max_tokens":200,"ignore_eos":true)", 120, 200, 200, true, true},
      {"", 120, 120, 120, false, false},
      {R"(,"max_tokens":null,"stream":null)", 120, 120, 120, false, false},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.fields);
    const EmulateFields fields{.output_tokens = row.natural};
    const auto completion =
        good(Kind::completion, fmt::format(R"({{"model":"m","prompt":"a"{}}})", row.fields), fields);
    EXPECT_EQ(completion.output_tokens, row.completion);
    EXPECT_EQ(completion.is_cut, row.is_cut_completion);
    const auto chat =
        good(Kind::chat, fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":"a"}}]{}}})", row.fields),
             fields);
    EXPECT_EQ(chat.output_tokens, row.chat);
    EXPECT_EQ(chat.is_cut, row.is_cut_chat);
  }
}

TEST(generation_request, how_it_is_answered) {
  const auto whole = good(Kind::completion, R"({"model":"m/1","prompt":"a"})");
  EXPECT_EQ(whole.model, "m/1");
  EXPECT_FALSE(whole.stream || whole.include_usage);
  const auto stream = good(Kind::completion, R"({"model":"m","prompt":"a","stream":true,"n":1,
      "stream_options":{"include_usage":true,"continuous_usage_stats":true}})");
  EXPECT_TRUE(stream.stream && stream.include_usage && stream.continuous_usage);
}

TEST(generation_request, refuses_and_names_the_field) {
  struct Row {
    Kind kind;
    std::string_view body, message, param;
  };
  const Row table[] = {
      {Kind::completion, "", "not JSON", ""},
      {Kind::completion, R"({"model":"m","prompt":"a")", "not JSON", ""},
      {Kind::completion, "[]", "must be a JSON object", ""},
      {Kind::completion, R"({"prompt":"a"})", "'model' must be a text", "model"},
      {Kind::completion, R"({"model":1,"prompt":"a"})", "'model' must be a text", "model"},
      {Kind::completion, R"({"model":"m"})", "'prompt' is missing", "prompt"},
      {Kind::completion, R"({"model":"m","prompt":[]})", "'prompt' must be", "prompt"},
      {Kind::completion, R"({"model":"m","prompt":{}})", "'prompt' must be", "prompt"},
      {Kind::completion, R"({"model":"m","prompt":[1,"a"]})", "'prompt' must be", "prompt"},
      {Kind::completion, R"({"model":"m","prompt":[[]]})", "'prompt' must be", "prompt"},
      {Kind::completion, R"({"model":"m","prompt":[1,-2]})", "'prompt' must be", "prompt"},
      {Kind::completion, R"({"model":"m","prompt":["a","b"]})", "several prompts", "prompt"},
      {Kind::completion, R"({"model":"m","prompt":"a","n":2})", "'n' other than 1", "n"},
      {Kind::completion, R"({"model":"m","prompt":"a","max_tokens":0})", "at least 1", "max_tokens"},
      {Kind::completion, R"({"model":"m","prompt":"a","max_tokens":"9"})", "whole number", "max_tokens"},
      {Kind::completion, R"({"model":"m","prompt":"a","max_tokens":5,"min_tokens":6})", "min_tokens", "min_tokens"},
      {Kind::completion, R"({"model":"m","prompt":"a","stream":1})", "true or false", "stream"},
      {Kind::completion, R"({"model":"m","prompt":"a","stream_options":{}})", "only with 'stream'", "stream_options"},
      {Kind::chat, R"({"model":"m"})", "'messages' must be", "messages"},
      {Kind::chat, R"({"model":"m","messages":[]})", "'messages' must be", "messages"},
      {Kind::chat, R"({"model":"m","messages":["a"]})", "an object with a role", "messages"},
      {Kind::chat, R"({"model":"m","messages":[{"content":"a"}]})", "an object with a role", "messages"},
      {Kind::chat, R"({"model":"m","messages":[{"role":"user","content":5}]})", "a text or a list", "messages"},
      {Kind::chat, R"({"model":"m","messages":[{"role":"user","content":["a"]}]})", "are objects", "messages"},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.body);
    const auto answer = parse(row.kind, row.body);
    ASSERT_FALSE(answer.request);
    EXPECT_EQ(answer.refusal.status, 400);
    EXPECT_NE(answer.refusal.message.find(row.message), std::string::npos) << answer.refusal.message;
    EXPECT_EQ(answer.refusal.param, row.param);
  }
}

TEST(generation_request, equal_beginnings_have_equal_blocks) {
  const auto blocks = [](const std::string& prompt) {
    return good(Kind::completion, fmt::format(R"({{"model":"m","prompt":"{}"}})", prompt)).prompt_blocks;
  };
  const auto one = blocks(std::string(128, 'a') + "b"), other = blocks(std::string(128, 'a') + std::string(64, 'c'));
  ASSERT_EQ(one.size(), 2U);
  ASSERT_EQ(other.size(), 3U);
  EXPECT_EQ(one[0], other[0]);
  EXPECT_EQ(one[1], other[1]);
  // The same block after another beginning is another block.
  EXPECT_NE(blocks(std::string(64, 'x') + std::string(64, 'a'))[1], one[1]);
  EXPECT_TRUE(blocks("short").empty());
}

}  // namespace
}  // namespace tidegate
