// Takes a watch apart: lines of JSON as they come in pieces of any size, each an event with an object. A line that is
// not what an API server writes, or is longer than `line_max`, ends it: `garbled`; the server's own ERROR event ends it
// with what that says (`expired` when the resourceVersion is too old). After an error nothing more is taken.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/enum_text.h"
#include "edge/kubernetes/api_error.h"
#include "edge/kubernetes/json_fields.h"
#include "edge/kubernetes/resource.h"

namespace tidegate {

enum class WatchKind : std::uint8_t { added, modified, removed, bookmark };

// Valid while it is handed out.
struct WatchEvent {
  WatchKind kind = WatchKind::added;
  std::string_view space;  // of a bookmark: none
  std::string_view name;
  std::string_view resource_version;  // never empty
  JsonView object;
};

class WatchDecoder {
 public:
  static constexpr std::size_t line_max = 16 * 1024 * 1024;

  using Take = std::function<void(const WatchEvent& event)>;
  // Hands out every event that these bytes complete.
  [[nodiscard]] ApiResult<void> push(std::string_view bytes, const Take& take);

 private:
  [[nodiscard]] ApiResult<void> decode(std::string_view line, const Take& take);

  simdjson::dom::parser parser_;
  std::string rest_;  // of a line that is not whole yet
  bool is_over_ = false;
};

// Namespace, name and resourceVersion of an object; false when one that must be there is missing.
[[nodiscard]] bool read_identity(JsonView object, WatchEvent& into);

}  // namespace tidegate
