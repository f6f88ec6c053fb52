#include "edge/gateway/sse_counter.h"

#include <cstring>

namespace tidegate {

std::uint32_t SseCounter::count(std::string_view bytes) {
  std::uint32_t events = 0;
  while (!bytes.empty()) {
    const void* found = std::memchr(bytes.data(), '\n', bytes.size());
    const std::size_t length =
        found ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) : bytes.size();
    if (length > 0) {
      if (!line_started_) {
        first_ = bytes[0];
        line_is_blank_ = length == 1 && first_ == '\r';
      } else {
        line_is_blank_ = false;
      }
      line_started_ = true;
    }
    if (!found) break;
    if (!line_started_ || line_is_blank_) {
      if (has_data_) ++events;
      has_data_ = false;
    } else if (first_ == 'd') {
      has_data_ = true;
    }
    line_started_ = false;
    line_is_blank_ = true;
    bytes.remove_prefix(length + 1);
  }
  return events;
}

}  // namespace tidegate
