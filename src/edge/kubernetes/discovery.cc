#include "edge/kubernetes/discovery.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {
namespace {

constexpr Duration known_for = 10min;
constexpr Duration missing_for = 30s;

using Types = std::vector<ServedType>;

std::string group_path(const std::string& api_version) {
  return (api_version.contains('/') ? "/apis/" : "/api/") + api_version;
}

ApiResult<Types> types_of(ApiClient& client, const std::string& api_version, Duration age_max,
                          const std::stop_token& stop) {
  if (auto known = client.cluster().known_types(api_version, age_max)) return std::move(*known);
  const ApiCall asked{.path = group_path(api_version), .repeat = Repeat::harmless};
  const auto body = client.call(asked, stop);
  Types types;
  // A group that is not there serves nothing, and that is worth remembering too.
  if (!body && body.error().reason != ApiReason::not_found) return std::unexpected(body.error());
  if (body) {
    auto parsed = parse_resource_list(*body, api_version);
    if (!parsed) return std::unexpected(garbled("GET " + asked.path, "the answer is no APIResourceList"));
    types = std::move(*parsed);
  }
  client.cluster().learn_types(api_version, types);
  return types;
}

// In one group: what is remembered, and asked for anew when it is not among that.
ApiResult<std::optional<ServedType>> find_in(ApiClient& client, const std::string& api_version,
                                             const std::string& called, const std::stop_token& stop) {
  for (const Duration age_max : {known_for, missing_for}) {
    const auto types = types_of(client, api_version, age_max, stop);
    if (!types) return std::unexpected(types.error());
    if (const ServedType* found = find_type(*types, called)) return *found;
  }
  return std::nullopt;
}

ApiError no_such_kind(const std::string& called, std::string_view where) {
  return {.reason = ApiReason::not_found,
          .message = fmt::format("the cluster serves no kind {} {}; check its spelling, or install what defines it",
                                 printable_excerpt(called, 64), where)};
}

// A group that is broken (an aggregated API that is down) must not hide the others.
ApiResult<ServedType> search(ApiClient& client, const std::string& called, const std::stop_token& stop) {
  const auto body = client.call({.path = "/apis", .repeat = Repeat::harmless}, stop);
  if (!body) return std::unexpected(body.error());
  const auto groups = parse_group_list(*body);
  if (!groups) return std::unexpected(garbled("GET /apis", "the answer is no APIGroupList"));
  std::vector<ServedType> found;
  std::string places;
  for (const std::string& api_version : *groups) {
    const auto one = find_in(client, api_version, called, stop);
    if (!one || !*one) continue;
    found.push_back(**one);
    places += (places.empty() ? "" : ", ") + api_version;
  }
  if (found.empty()) return std::unexpected(no_such_kind(called, "in any group"));
  if (found.size() == 1) return found.front();
  return std::unexpected(ApiError{
      .reason = ApiReason::invalid,
      .message = fmt::format("{} is served by {}; say which with api_version", printable_excerpt(called, 64), places)});
}

}  // namespace

ApiResult<ServedType> discover(ApiClient& client, const std::string& api_version, const std::string& called,
                               const std::stop_token& stop) {
  std::string group, version;
  if (!api_version.empty() && !split_api_version(api_version, group, version))
    return std::unexpected(ApiError{
        .reason = ApiReason::invalid,
        .message = fmt::format("{} is no apiVersion; it looks like apps/v1", printable_excerpt(api_version, 64))});
  const auto places = api_version.empty() ? std::vector<std::string>{"v1", "apps/v1"} : std::vector{api_version};
  for (const std::string& place : places) {
    const auto found = find_in(client, place, called, stop);
    if (!found) return std::unexpected(found.error());
    if (*found) return **found;
  }
  if (!api_version.empty()) return std::unexpected(no_such_kind(called, "in " + api_version));
  return search(client, called, stop);
}

}  // namespace tidegate
