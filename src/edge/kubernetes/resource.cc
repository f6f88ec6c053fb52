#include "edge/kubernetes/resource.h"

#include <fmt/format.h>

#include <algorithm>

#include "edge/net/http_client.h"

namespace tidegate {

std::string ResourceType::api_version() const { return group.empty() ? version : group + "/" + version; }

std::string ResourceType::text() const { return group.empty() ? plural : plural + "." + group; }

std::string ObjectKey::text() const { return space.empty() ? name : space + "/" + name; }

std::string ObjectRef::text() const { return type.text() + " " + key.text(); }

bool split_api_version(std::string_view text, std::string& group, std::string& version) {
  const std::size_t slash = text.find('/');
  group = slash == text.npos ? "" : text.substr(0, slash);
  version = slash == text.npos ? text : text.substr(slash + 1);
  return !version.empty() && is_object_name(version) && (slash == text.npos || is_object_name(group));
}

std::string collection_path(const ResourceType& type, std::string_view space) {
  const std::string root =
      type.group.empty() ? "/api/" + type.version : fmt::format("/apis/{}/{}", type.group, type.version);
  if (!type.namespaced || space.empty()) return fmt::format("{}/{}", root, type.plural);
  return fmt::format("{}/namespaces/{}/{}", root, percent_encoded(space), type.plural);
}

std::string object_path(const ObjectRef& ref, std::string_view subresource) {
  std::string path = collection_path(ref.type, ref.key.space) + "/" + percent_encoded(ref.key.name);
  if (!subresource.empty()) path += fmt::format("/{}", subresource);
  return path;
}

bool is_object_name(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 253 && alphanumeric(text.front()) && alphanumeric(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return alphanumeric(c) || c == '-' || c == '.'; });
}

}  // namespace tidegate
