// Reads fields of JSON that others wrote: what is missing or of another kind is nothing, never an exception. One set of
// functions for the objects we edit (Json), one for the text we only pass through (JsonView), which is valid while the
// text it was parsed from is.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

using Json = nlohmann::json;
using JsonView = simdjson::dom::element;
using JsonPath = std::initializer_list<std::string_view>;

// Not JSON: nothing. Nested deeper than 128: nothing.
[[nodiscard]] std::optional<Json> parse_json(std::string_view text);

[[nodiscard]] const Json* field(const Json& object, JsonPath path);
[[nodiscard]] std::string text_field(const Json& object, JsonPath path);  // "" when there is none
[[nodiscard]] std::optional<std::int64_t> integer_field(const Json& object, JsonPath path);
[[nodiscard]] std::optional<bool> truth_field(const Json& object, JsonPath path);

[[nodiscard]] std::optional<JsonView> field(JsonView object, JsonPath path);
[[nodiscard]] std::string_view text_field(JsonView object, JsonPath path);
[[nodiscard]] std::optional<std::int64_t> integer_field(JsonView object, JsonPath path);
[[nodiscard]] std::optional<bool> truth_field(JsonView object, JsonPath path);
// Each item of the list there; none: nothing is called.
template <class Function>
void for_each_item(JsonView object, JsonPath path, Function function) {
  const auto list = field(object, path);
  simdjson::dom::array items;
  if (!list || list->get_array().get(items)) return;
  for (const JsonView item : items) function(item);
}
// Each key and value of the map there.
template <class Function>
void for_each_field(JsonView object, JsonPath path, Function function) {
  const auto map = field(object, path);
  simdjson::dom::object fields;
  if (!map || map->get_object().get(fields)) return;
  for (const auto [key, value] : fields) function(key, value);
}

}  // namespace tidegate
