// The body of POST /v1/completions or /v1/chat/completions as far as an emulator needs it: who is asked, how long the
// prompt is and how long the answer will be. What it cannot do is refused, never ignored.
//
// Prompt length: a prompt of token ids counts exactly; text counts about four bytes a token, chat messages four
// tokens more each. The field `x-emulate-input-tokens` says it outright.
// Answer length: the model ends by itself after `x-emulate-output-tokens`, at least min_tokens; without that field
// it goes on for ever where max_tokens is given, else it ends after a length of its own (as long as answers in a
// recorded hour of conversations). With ignore_eos it never ends by itself. max_tokens (max_completion_tokens) cuts;
// a completion without it is cut after 16, as the API says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

enum class GenerationKind : std::uint8_t { completion, chat };

struct EmulateFields {  // of the request's head
  std::optional<std::int32_t> input_tokens;
  std::optional<std::int32_t> output_tokens;
};

struct GenerationRequest {
  GenerationKind kind = GenerationKind::completion;
  std::string model;
  bool stream = false;
  bool include_usage = false;     // a last event with the counts
  bool continuous_usage = false;  // counts on every event
  std::int32_t input_tokens = 1;
  std::optional<std::int32_t> tokens_max;    // as asked
  std::int32_t output_tokens = 1;            // what will be generated
  bool is_cut = false;                       // finish_reason is "length", else "stop"
  std::vector<std::uint64_t> prompt_blocks;  // hash of the text up to the end of each full block of 16 tokens
};

struct GenerationRefusal {
  int status = 400;
  std::string message;
  std::string param;  // which field; empty: none
};

inline constexpr std::size_t generation_body_max = 16 * 1024 * 1024;
inline constexpr std::int32_t generation_tokens_max = 1 << 24;

// Reusable: keeps the JSON parser's memory.
class GenerationParser {
 public:
  GenerationParser();
  ~GenerationParser();
  GenerationParser(const GenerationParser&) = delete;
  GenerationParser& operator=(const GenerationParser&) = delete;

  // `length_drawn`: where the model would end by itself, for this request. The refusal is set when the request is not.
  struct Answer {
    std::optional<GenerationRequest> request;
    GenerationRefusal refusal;
  };
  [[nodiscard]] Answer parse(GenerationKind kind, std::string_view body, const EmulateFields& fields,
                             std::int32_t length_drawn);

 private:
  struct Json;
  std::unique_ptr<Json> json_;
};

}  // namespace tidegate
