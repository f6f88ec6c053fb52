#include "edge/kubernetes/resource_list.h"

#include <algorithm>
#include <map>

#include "edge/kubernetes/json_fields.h"

namespace tidegate {
namespace {

bool is_same_word(std::string_view one, std::string_view other) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(one, other, {}, lower, lower);
}

}  // namespace

std::optional<std::vector<ServedType>> parse_resource_list(std::string_view text, const std::string& api_version) {
  const auto parsed = parse_json(text);
  ResourceType place;
  if (!parsed || text_field(*parsed, {"kind"}) != "APIResourceList" ||
      !split_api_version(api_version, place.group, place.version))
    return std::nullopt;
  const Json* listed = field(*parsed, {"resources"});
  std::vector<ServedType> types;
  if (listed == nullptr || !listed->is_array()) return types;
  std::map<std::string, std::vector<std::string>> subresources;
  for (const Json& one : *listed) {
    const std::string name = text_field(one, {"name"});
    if (const std::size_t slash = name.find('/'); slash != std::string::npos) {
      subresources[name.substr(0, slash)].push_back(name.substr(slash + 1));
      continue;
    }
    ServedType served{.type = place, .singular = text_field(one, {"singularName"})};
    served.type.plural = name;
    served.type.kind = text_field(one, {"kind"});
    served.type.namespaced = truth_field(one, {"namespaced"}).value_or(true);
    if (const Json* names = field(one, {"shortNames"}); names != nullptr && names->is_array())
      for (const Json& short_name : *names)
        if (short_name.is_string()) served.short_names.push_back(short_name.get<std::string>());
    if (!name.empty() && !served.type.kind.empty()) types.push_back(std::move(served));
  }
  for (ServedType& served : types) {
    const auto& its = subresources[served.type.plural];
    served.has_scale = std::ranges::find(its, "scale") != its.end();
    served.has_status = std::ranges::find(its, "status") != its.end();
  }
  return types;
}

std::optional<std::vector<std::string>> parse_group_list(std::string_view text) {
  const auto parsed = parse_json(text);
  if (!parsed || text_field(*parsed, {"kind"}) != "APIGroupList") return std::nullopt;
  std::vector<std::string> versions;
  const Json* groups = field(*parsed, {"groups"});
  if (groups == nullptr || !groups->is_array()) return versions;
  for (const Json& group : *groups)
    if (std::string version = text_field(group, {"preferredVersion", "groupVersion"}); !version.empty())
      versions.push_back(std::move(version));
  return versions;
}

const ServedType* find_type(std::span<const ServedType> types, std::string_view called) {
  for (const ServedType& served : types) {
    const bool is_it = is_same_word(served.type.kind, called) || is_same_word(served.type.plural, called) ||
                       is_same_word(served.singular, called) ||
                       std::ranges::any_of(served.short_names, [&](const auto& n) { return is_same_word(n, called); });
    if (is_it) return &served;
  }
  return nullptr;
}

}  // namespace tidegate
