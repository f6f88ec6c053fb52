// What a group of an API server serves, as its APIResourceList says. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/kubernetes/resource.h"

namespace tidegate {

struct ServedType {
  ResourceType type;
  std::string singular = {};
  std::vector<std::string> short_names = {};
  bool has_scale = false;
  bool has_status = false;
  friend bool operator==(const ServedType&, const ServedType&) = default;
};

// None: it is no APIResourceList.
[[nodiscard]] std::optional<std::vector<ServedType>> parse_resource_list(std::string_view text,
                                                                         const std::string& api_version);
// The preferred "group/version" of every group of an APIGroupList. None: it is none.
[[nodiscard]] std::optional<std::vector<std::string>> parse_group_list(std::string_view text);

// The one that people call so: kind, plural, singular or short name, whatever the case.
[[nodiscard]] const ServedType* find_type(std::span<const ServedType> types, std::string_view called);

}  // namespace tidegate
