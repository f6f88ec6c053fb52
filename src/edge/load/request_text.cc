#include "edge/load/request_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/prng.h"

namespace tidegate {
namespace {

// Three letters and a blank: about one token.
constexpr std::array<std::string_view, 64> words{
    "the ", "and ", "for ", "you ", "not ", "are ", "but ", "all ", "can ", "had ", "her ", "was ", "one ",
    "our ", "out ", "day ", "get ", "has ", "him ", "his ", "how ", "man ", "new ", "now ", "old ", "see ",
    "two ", "way ", "who ", "boy ", "did ", "its ", "let ", "put ", "say ", "she ", "too ", "use ", "red ",
    "sea ", "sun ", "top ", "map ", "ice ", "key ", "job ", "sky ", "oak ", "air ", "bus ", "cat ", "dog ",
    "egg ", "fox ", "gem ", "hat ", "ink ", "jar ", "lip ", "mud ", "net ", "owl ", "pen ", "rye "};

void append_words(std::string& text, std::size_t bytes, std::uint64_t seed) {
  Prng random{seed};
  std::uint64_t bits = 0;
  int left = 0;
  for (std::size_t i = 0; i < bytes / token_bytes; ++i, bits >>= 6, --left) {
    if (left == 0) {
      bits = random.next();
      left = 10;
    }
    text += words[bits & 63];
  }
}

}  // namespace

std::string prompt_text(const TrafficRequest& request, std::uint64_t number) {
  const auto tokens = static_cast<std::size_t>(std::max<std::int64_t>(request.input_tokens, 1));
  const std::size_t bytes = std::min(tokens, prompt_bytes_max / token_bytes) * token_bytes;
  std::string text;
  text.reserve(bytes);
  constexpr std::size_t block = prefix_block_tokens * token_bytes;
  for (const auto id : request.prefix) {
    if (text.size() == bytes) break;
    append_words(text, std::min(block, bytes - text.size()), id * 2 + 1);
  }
  append_words(text, bytes - text.size(), ~(number * 2));
  return text;
}

std::string request_text(const RequestStyle& style, const TrafficRequest& request, std::uint64_t number) {
  const auto& url = style.url;
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tidegate-load\r\n",
                                 style.shape == RequestShape::plain ? "GET" : "POST", url.target, url.host_field);
  if (style.bearer) head += fmt::format("Authorization: Bearer {}\r\n", *style.bearer);
  if (!request.session.empty()) {
    // Whatever the trace says, it must stay one line.
    std::string session = request.session;
    std::ranges::replace_if(session, [](char c) { return c < 0x20 || c > 0x7e; }, '_');
    head += fmt::format("X-Session-Id: {}\r\n", session);
  }
  head += "X-Tidegate-Timing: 1\r\n";
  if (style.shape == RequestShape::plain) return head + "\r\n";
  const auto output = std::max<std::int64_t>(request.output_tokens, 1);
  const auto prompt = prompt_text(request, number);
  std::string body = fmt::format(R"({{"model":"{}","stream":{},"max_tokens":{},)", style.model, style.stream, output);
  if (style.ignore_eos) body += R"("ignore_eos":true,)";
  body += style.shape == RequestShape::chat ? fmt::format(R"("messages":[{{"role":"user","content":"{}"}}]}})", prompt)
                                            : fmt::format(R"("prompt":"{}"}})", prompt);
  head += fmt::format(
      "Content-Type: application/json\r\nx-emulate-input-tokens: {}\r\nx-emulate-output-tokens: {}\r\n"
      "Content-Length: {}\r\n\r\n",
      std::max<std::int64_t>(request.input_tokens, 1), output, body.size());
  return head + body;
}

RequestShape shape_of(LoadUrl& url) {
  if (url.target == "/") url.target = "/v1/chat/completions";
  const auto path = std::string_view{url.target}.substr(0, url.target.find('?'));
  if (path.ends_with("/completions") && !path.ends_with("/chat/completions")) return RequestShape::completion;
  return RequestShape::chat;
}

}  // namespace tidegate
