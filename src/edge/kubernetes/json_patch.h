// Builds JSON patches (RFC 6902). A patch whose `test` fails changes nothing at all, so what a change was decided on is
// written beside the change:
//
//   JsonPatch{}.test({"metadata", "resourceVersion"}, "123").replace({"spec", "replicas"}, 4)
//
// A path is made of names, not text: json_pointer({"metadata", "annotations", "a/b"}) is "/metadata/annotations/a~1b".
#pragma once

#include <string>
#include <string_view>

#include "edge/kubernetes/json_fields.h"

namespace tidegate {

class JsonPatch {
 public:
  JsonPatch& test(JsonPath path, Json value) { return with("test", path, std::move(value)); }
  JsonPatch& add(JsonPath path, Json value) { return with("add", path, std::move(value)); }
  JsonPatch& replace(JsonPath path, Json value) { return with("replace", path, std::move(value)); }
  JsonPatch& remove(JsonPath path);

  [[nodiscard]] bool is_empty() const { return operations_.empty(); }
  [[nodiscard]] std::string text() const { return operations_.dump(); }

 private:
  JsonPatch& with(std::string_view operation, JsonPath path, Json value);
  Json operations_ = Json::array();
};

[[nodiscard]] std::string json_pointer(JsonPath path);

// The smallest merge patch (RFC 7386) that turns `before` into `after`: equal fields are left out, lists are replaced
// as a whole, fields that are gone become null. An empty object: there is nothing to change.
[[nodiscard]] Json merge_patch_between(const Json& before, const Json& after);

}  // namespace tidegate
