#include "edge/kubernetes/json_fields.h"

namespace tidegate {
namespace {

constexpr int depth_max = 128;

// Looks at depth alone, before anything recursive does.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::optional<Json> parse_json(std::string_view text) {
  if (is_too_deep(text)) return std::nullopt;
  Json parsed = Json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return std::nullopt;
  return parsed;
}

const Json* field(const Json& object, JsonPath path) {
  const Json* at = &object;
  for (const std::string_view name : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(name);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::string text_field(const Json& object, JsonPath path) {
  const Json* found = field(object, path);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<std::int64_t> integer_field(const Json& object, JsonPath path) {
  const Json* found = field(object, path);
  if (found == nullptr || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::optional<bool> truth_field(const Json& object, JsonPath path) {
  const Json* found = field(object, path);
  if (found == nullptr || !found->is_boolean()) return std::nullopt;
  return found->get<bool>();
}

std::optional<JsonView> field(JsonView object, JsonPath path) {
  for (const std::string_view name : path)
    if (object[name].get(object)) return std::nullopt;
  return object;
}

std::string_view text_field(JsonView object, JsonPath path) {
  const auto found = field(object, path);
  std::string_view text;
  if (!found || found->get_string().get(text)) return {};
  return text;
}

std::optional<std::int64_t> integer_field(JsonView object, JsonPath path) {
  const auto found = field(object, path);
  std::int64_t number = 0;
  if (!found || found->get_int64().get(number)) return std::nullopt;
  return number;
}

std::optional<bool> truth_field(JsonView object, JsonPath path) {
  const auto found = field(object, path);
  bool truth = false;
  if (!found || found->get_bool().get(truth)) return std::nullopt;
  return truth;
}

}  // namespace tidegate
