// Counts server-sent events that carry data as their bytes pass, in pieces of any size.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidegate {

class SseCounter {
 public:
  // How many events with a "data" line ended within these bytes.
  [[nodiscard]] std::uint32_t count(std::string_view bytes);

 private:
  bool line_started_ = false;
  char first_ = 0;             // of the present line
  bool line_is_blank_ = true;  // nothing, or a lone CR, so far
  bool has_data_ = false;      // the present event has a line that starts with "d"
};

}  // namespace tidegate
