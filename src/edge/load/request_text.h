// A request of the trace as the bytes that are sent.
//
// chat and completion: a JSON body for an OpenAI-compatible server whose prompt is about 4 characters a token, at
// most 64 KiB, and asks for the trace's output tokens. The fields x-emulate-input-tokens and
// x-emulate-output-tokens say the exact counts to an emulator; other servers ignore them.
// The prompt of a request with prefix ids is made of blocks of 512 tokens, each written from its id, so that
// equal beginnings in the trace are equal beginnings on the wire; any other prompt is like no other.
// plain: a GET of the URL. Same request, same number, same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "edge/load/endpoint.h"
#include "lab/sim/traffic.h"

namespace tidegate {

enum class RequestShape : std::uint8_t { chat, completion, plain };

struct RequestStyle {
  LoadUrl url;
  RequestShape shape = RequestShape::chat;
  std::string model = "default";
  bool stream = true;
  bool ignore_eos = false;                 // asks a vLLM server for exactly the output tokens of the trace
  std::optional<std::string> bearer = {};  // never printed
};

inline constexpr std::size_t prompt_bytes_max = 64 * 1024;
inline constexpr std::size_t token_bytes = 4;
inline constexpr std::size_t prefix_block_tokens = 512;

[[nodiscard]] std::string prompt_text(const TrafficRequest& request, std::uint64_t number);
[[nodiscard]] std::string request_text(const RequestStyle& style, const TrafficRequest& request, std::uint64_t number);

// The shape the URL's path asks for; a URL without a path gets that of chat completions.
[[nodiscard]] RequestShape shape_of(LoadUrl& url);

}  // namespace tidegate
