// Traffic files as texts, for tests: fed in pieces of any size.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/sim/traffic.h"

namespace tidegate {

// The bytes of `text`, `piece` at a time.
[[nodiscard]] inline ByteSource bytes_of(std::string text, std::size_t piece = 1 << 16) {
  return [text = std::move(text), piece, at = std::size_t{0}]() mutable -> Result<std::string_view> {
    const auto got = std::string_view{text}.substr(at, piece);
    at += got.size();
    return got;
  };
}

// All requests, or the error.
[[nodiscard]] inline Result<std::vector<TrafficRequest>> requests_of(const std::string& text,
                                                                     TrafficOptions options = {},
                                                                     std::size_t piece = 1 << 16) {
  auto reader = TrafficReader::open(bytes_of(text, piece), "trace", std::move(options));
  if (!reader) return std::unexpected(reader.error());
  std::vector<TrafficRequest> all;
  for (;;) {
    auto next = reader->next();
    if (!next) return std::unexpected(next.error());
    if (!*next) return all;
    all.push_back(std::move(**next));
  }
}

}  // namespace tidegate
