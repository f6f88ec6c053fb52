#include <cstdlib>

#include "edge/emulator/generation_request.h"

// Whatever the body says: an answer or a refusal with a message, and lengths within their bounds.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
  static tidegate::GenerationParser parser;
  if (size == 0) return 0;
  const std::string_view body{reinterpret_cast<const char*>(bytes) + 1, size - 1};
  const auto kind = bytes[0] & 1 ? tidegate::GenerationKind::chat : tidegate::GenerationKind::completion;
  tidegate::EmulateFields fields;
  if (bytes[0] & 2) fields.output_tokens = 1 + bytes[0];
  const auto answer = parser.parse(kind, body, fields, 200);
  if (!answer.request) {
    if (answer.refusal.message.empty() || answer.refusal.status != 400) std::abort();
    return 0;
  }
  const auto& request = *answer.request;
  if (request.input_tokens < 1 || request.input_tokens > tidegate::generation_tokens_max) std::abort();
  if (request.output_tokens < 1 || request.output_tokens > tidegate::generation_tokens_max) std::abort();
  if (request.tokens_max && request.output_tokens > *request.tokens_max) std::abort();
  return 0;
}
