#include "edge/emulator/generation_request.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

namespace tidegate {

struct GenerationParser::Json {
  simdjson::dom::parser parser{generation_body_max};
};

namespace {

using Object = simdjson::dom::object;
using Element = simdjson::dom::element;
using Type = simdjson::dom::element_type;

constexpr std::int64_t bytes_per_token = 4;
constexpr std::int64_t tokens_per_message = 4;
constexpr std::int32_t completion_tokens_default = 16;

struct Refused {
  GenerationRefusal why;
};

[[noreturn]] void refuse(std::string_view param, std::string message) {
  throw Refused{{.status = 400, .message = std::move(message), .param = std::string{param}}};
}

// A field that is there and not null.
std::optional<Element> field(const Object& object, std::string_view name) {
  Element value;
  if (object[name].get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

bool flag(const Object& object, std::string_view name) {
  const auto value = field(object, name);
  bool is_set = false;
  if (value && value->get(is_set) != simdjson::SUCCESS) refuse(name, fmt::format("'{}' must be true or false", name));
  return is_set;
}

std::optional<std::int32_t> count(const Object& object, std::string_view name, std::int64_t least) {
  const auto value = field(object, name);
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  if (value->get(number) != simdjson::SUCCESS || number < least)
    refuse(name, fmt::format("'{}' must be a whole number of at least {}", name, least));
  return static_cast<std::int32_t>(std::min<std::int64_t>(number, generation_tokens_max));
}

constexpr std::size_t block_bytes = 16 * bytes_per_token;

struct Prompt {
  std::int64_t tokens = 0;
  std::vector<std::uint64_t> blocks;
  std::uint64_t hash = 14695981039346656037ULL;
  std::size_t bytes = 0;

  // FNV-1a over all so far, noted at the end of each block.
  void hash_byte(unsigned char byte) {
    hash = (hash ^ byte) * 1099511628211ULL;
    if (++bytes % block_bytes == 0) blocks.push_back(hash);
  }
  void add_text(std::string_view text) {
    tokens += (static_cast<std::int64_t>(text.size()) + bytes_per_token - 1) / bytes_per_token;
    for (const char c : text) hash_byte(static_cast<unsigned char>(c));
  }
  void add_token_id(std::uint64_t id) {
    ++tokens;
    for (int byte = 0; byte < bytes_per_token; ++byte) hash_byte(static_cast<unsigned char>(id >> (8 * byte)));
  }
};

bool add_token_ids(const simdjson::dom::array& ids, Prompt& prompt) {
  for (const Element id : ids) {
    std::uint64_t value = 0;
    if (id.get(value) != simdjson::SUCCESS) return false;
    prompt.add_token_id(value);
  }
  return true;
}

Prompt completion_prompt(const Object& body) {
  constexpr std::string_view wanted = "'prompt' must be a text, a list of token ids, or a list with one of these";
  const auto value = field(body, "prompt");
  if (!value) refuse("prompt", "'prompt' is missing");
  Prompt prompt;
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) {
    prompt.add_text(text);
    return prompt;
  }
  simdjson::dom::array list;
  if (value->get(list) != simdjson::SUCCESS || list.size() == 0) refuse("prompt", std::string{wanted});
  const Element first = list.at(0);
  if (first.is_int64() || first.is_uint64()) {
    if (!add_token_ids(list, prompt)) refuse("prompt", std::string{wanted});
    return prompt;
  }
  if (list.size() > 1) refuse("prompt", "several prompts in one request are not emulated: send one request each");
  simdjson::dom::array ids;
  if (first.get(text) == simdjson::SUCCESS)
    prompt.add_text(text);
  else if (first.get(ids) != simdjson::SUCCESS || ids.size() == 0 || !add_token_ids(ids, prompt))
    refuse("prompt", std::string{wanted});
  return prompt;
}

void add_message(Element message, Prompt& prompt) {
  Object fields;
  if (message.get(fields) != simdjson::SUCCESS || !field(fields, "role"))
    refuse("messages", "every message must be an object with a role");
  prompt.tokens += tokens_per_message;
  const auto content = field(fields, "content");
  if (!content) return;  // a message of tool calls
  std::string_view text;
  if (content->get(text) == simdjson::SUCCESS) return prompt.add_text(text);
  simdjson::dom::array parts;
  if (content->get(parts) != simdjson::SUCCESS)
    refuse("messages", "the content of a message is a text or a list of parts");
  for (const Element part : parts) {
    Object part_fields;
    if (part.get(part_fields) != simdjson::SUCCESS) refuse("messages", "the parts of a content are objects");
    if (const auto words = field(part_fields, "text"); words && words->get(text) == simdjson::SUCCESS)
      prompt.add_text(text);
  }
}

Prompt chat_prompt(const Object& body) {
  const auto value = field(body, "messages");
  simdjson::dom::array messages;
  if (!value || value->get(messages) != simdjson::SUCCESS || messages.size() == 0)
    refuse("messages", "'messages' must be a list with at least one message");
  Prompt prompt;
  for (const Element message : messages) add_message(message, prompt);
  return prompt;
}

void set_lengths(const Object& body, const EmulateFields& fields, std::int32_t length_drawn,
                 GenerationRequest& request) {
  auto limit = count(body, "max_tokens", 1);
  if (const auto newer = count(body, "max_completion_tokens", 1)) limit = newer;
  const std::int32_t least = count(body, "min_tokens", 0).value_or(0);
  if (limit && least > *limit) refuse("min_tokens", "'min_tokens' must not be above 'max_tokens'");
  request.tokens_max = limit;
  const std::int32_t cut =
      limit.value_or(request.kind == GenerationKind::completion && !fields.output_tokens ? completion_tokens_default
                                                                                         : generation_tokens_max);
  std::int32_t natural = limit ? generation_tokens_max : length_drawn;
  if (fields.output_tokens) natural = *fields.output_tokens;
  if (limit && flag(body, "ignore_eos")) natural = generation_tokens_max;
  natural = std::max({natural, least, 1});
  request.output_tokens = std::min(natural, cut);
  request.is_cut = natural >= cut;
}

GenerationRequest read_request(GenerationKind kind, const Object& body, const EmulateFields& fields,
                               std::int32_t length_drawn) {
  GenerationRequest request{.kind = kind};
  std::string_view model;
  const auto named = field(body, "model");
  if (!named || named->get(model) != simdjson::SUCCESS) refuse("model", "'model' must be a text");
  request.model = model;
  for (const std::string_view name : {"n", "best_of"})
    if (count(body, name, 1).value_or(1) != 1) refuse(name, fmt::format("'{}' other than 1 is not emulated", name));
  request.stream = flag(body, "stream");
  if (const auto options = field(body, "stream_options")) {
    Object given;
    if (options->get(given) != simdjson::SUCCESS) refuse("stream_options", "'stream_options' must be an object");
    if (!request.stream) refuse("stream_options", "'stream_options' is allowed only with 'stream'");
    request.include_usage = flag(given, "include_usage");
    request.continuous_usage = flag(given, "continuous_usage_stats");
  }
  Prompt prompt = kind == GenerationKind::chat ? chat_prompt(body) : completion_prompt(body);
  const std::int64_t tokens = std::clamp<std::int64_t>(prompt.tokens, 1, generation_tokens_max);
  request.input_tokens = fields.input_tokens.value_or(static_cast<std::int32_t>(tokens));
  request.prompt_blocks = std::move(prompt.blocks);
  set_lengths(body, fields, length_drawn, request);
  return request;
}

}  // namespace

GenerationParser::GenerationParser() : json_(std::make_unique<Json>()) {}
GenerationParser::~GenerationParser() = default;

GenerationParser::Answer GenerationParser::parse(GenerationKind kind, std::string_view body,
                                                 const EmulateFields& fields, std::int32_t length_drawn) {
  Element document;
  Object object;
  if (const auto error = json_->parser.parse(body.data(), body.size()).get(document); error != simdjson::SUCCESS)
    return {{}, {400, fmt::format("the body is not JSON: {}", simdjson::error_message(error)), ""}};
  if (document.get(object) != simdjson::SUCCESS) return {{}, {400, "the body must be a JSON object", ""}};
  try {
    return {read_request(kind, object, fields, length_drawn), {}};
  } catch (const Refused& refused) {
    return {{}, refused.why};
  }
}

}  // namespace tidegate
