#include "edge/kubernetes/watch_decoder.h"

#include <optional>

namespace tidegate {
namespace {

constexpr std::string_view watching = "WATCH";

std::optional<WatchKind> kind_of(std::string_view word) {
  if (word == "ADDED") return WatchKind::added;
  if (word == "MODIFIED") return WatchKind::modified;
  if (word == "DELETED") return WatchKind::removed;
  if (word == "BOOKMARK") return WatchKind::bookmark;
  return std::nullopt;
}

}  // namespace

bool read_identity(JsonView object, WatchEvent& into) {
  into.space = text_field(object, {"metadata", "namespace"});
  into.name = text_field(object, {"metadata", "name"});
  into.resource_version = text_field(object, {"metadata", "resourceVersion"});
  into.object = object;
  return !into.name.empty() && !into.resource_version.empty();
}

ApiResult<void> WatchDecoder::push(std::string_view bytes, const Take& take) {
  if (is_over_) return std::unexpected(garbled(watching, "the watch is over"));
  while (true) {
    const std::size_t end = bytes.find('\n');
    if (end == bytes.npos) break;
    ApiResult<void> done;
    if (rest_.empty()) {
      done = decode(bytes.substr(0, end), take);
    } else {
      rest_.append(bytes.substr(0, end));
      done = decode(rest_, take);
      rest_.clear();
    }
    bytes.remove_prefix(end + 1);
    if (!done) return is_over_ = true, done;
  }
  rest_.append(bytes);
  if (rest_.size() <= line_max) return {};
  is_over_ = true;
  return std::unexpected(garbled(watching, "an event is longer than 16 MiB"));
}

ApiResult<void> WatchDecoder::decode(std::string_view line, const Take& take) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return {};
  if (line.size() > line_max) return std::unexpected(garbled(watching, "an event is longer than 16 MiB"));
  JsonView root;
  if (parser_.parse(line.data(), line.size()).get(root))
    return std::unexpected(garbled(watching, "an event is no JSON"));
  const std::string_view word = text_field(root, {"type"});
  const auto object = field(root, {"object"});
  if (word == "ERROR") {
    if (!object) return std::unexpected(garbled(watching, "an error without its Status"));
    return std::unexpected(api_error_of_status(simdjson::minify(*object), 0, watching));
  }
  const auto kind = kind_of(word);
  if (!kind || !object) return std::unexpected(garbled(watching, "an event of an unknown type"));
  WatchEvent event{.kind = *kind, .space = {}, .name = {}, .resource_version = {}, .object = *object};
  const bool has_identity = read_identity(*object, event);
  if (event.resource_version.empty() || (!has_identity && *kind != WatchKind::bookmark))
    return std::unexpected(garbled(watching, "an event whose object has no name or resourceVersion"));
  take(event);
  return {};
}

}  // namespace tidegate
