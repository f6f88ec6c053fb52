#include "edge/kubernetes/json_patch.h"

namespace tidegate {

JsonPatch& JsonPatch::with(std::string_view operation, JsonPath path, Json value) {
  operations_.push_back({{"op", operation}, {"path", json_pointer(path)}, {"value", std::move(value)}});
  return *this;
}

JsonPatch& JsonPatch::remove(JsonPath path) {
  operations_.push_back({{"op", "remove"}, {"path", json_pointer(path)}});
  return *this;
}

std::string json_pointer(JsonPath path) {
  std::string pointer;
  for (const std::string_view name : path) {
    pointer += '/';
    for (const char c : name) {
      if (c == '~')
        pointer += "~0";
      else if (c == '/')
        pointer += "~1";
      else
        pointer += c;
    }
  }
  return pointer;
}

Json merge_patch_between(const Json& before, const Json& after) {
  Json patch = Json::object();
  for (const auto& [name, value] : after.items()) {
    const auto old = before.find(name);
    if (old == before.end()) {
      patch[name] = value;
    } else if (old->is_object() && value.is_object()) {
      Json inner = merge_patch_between(*old, value);
      if (!inner.empty()) patch[name] = std::move(inner);
    } else if (*old != value) {
      patch[name] = value;
    }
  }
  for (const auto& [name, value] : before.items())
    if (!after.contains(name)) patch[name] = nullptr;
  return patch;
}

}  // namespace tidegate
