#include "edge/kubernetes/testing/fake_api_request.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "core/base/check.h"
#include "edge/net/route_tree.h"

namespace tidegate {
namespace {

std::string decoded(std::string_view text) { return percent_decoded(text, false).value_or(std::string{text}); }

// One requirement: "a=b", "a==b", "a!=b", "a"; `value` gives what the object has.
bool satisfies(const std::string& requirement,
               const std::function<std::optional<std::string>(const std::string&)>& value) {
  for (const std::string_view sign : {"!=", "==", "="}) {
    const std::size_t at = requirement.find(sign);
    if (at == std::string::npos) continue;
    const bool equal = value(requirement.substr(0, at)) == requirement.substr(at + sign.size());
    return equal == (sign != "!=");
  }
  return value(requirement).has_value();
}

}  // namespace

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(at));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

FakeApiRequest parse_request(const std::string& message) {
  FakeApiRequest request;
  const std::size_t head_end = message.find("\r\n\r\n");
  const std::string_view head = std::string_view{message}.substr(0, head_end);
  request.body = message.substr(head_end + 4);
  const auto words = split(head.substr(0, head.find("\r\n")), ' ');
  CHECK(words.size() == 3);
  request.method = words[0];
  const std::string_view target = words[1];
  const std::size_t mark = target.find('?');
  request.path = decoded(target.substr(0, mark));
  if (mark != target.npos)
    for (const std::string& pair : split(target.substr(mark + 1), '&')) {
      const std::size_t equals = pair.find('=');
      request.query[pair.substr(0, equals)] = decoded(std::string_view{pair}.substr(equals + 1));
    }
  for (const std::string& line : split(head, '\n')) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    std::string value = line.substr(colon + 2);
    while (value.ends_with('\r')) value.pop_back();
    request.headers[name] = value;
  }
  return request;
}

std::string query_of(const FakeApiRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? "" : found->second;
}

std::int64_t number_of(const std::string& text, std::int64_t otherwise) {
  std::int64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_selected(const Json& object, const std::string& space, const FakeApiRequest& request) {
  if (!space.empty() && text_field(object, {"metadata", "namespace"}) != space) return false;
  const auto label = [&](const std::string& name) -> std::optional<std::string> {
    const Json* found = field(object, {"metadata", "labels", name});
    return found == nullptr ? std::nullopt : std::optional{found->get<std::string>()};
  };
  const auto at_path = [&](const std::string& path) -> std::optional<std::string> {
    const Json* at = &object;
    for (const std::string& name : split(path, '.')) {
      at = field(*at, {name});
      if (at == nullptr) return "";
    }
    return at->is_string() ? at->get<std::string>() : at->dump();
  };
  const auto all = [](const std::string& selector, const auto& value) {
    return std::ranges::all_of(split(selector, ','), [&](const auto& one) { return satisfies(one, value); });
  };
  return all(query_of(request, "labelSelector"), label) && all(query_of(request, "fieldSelector"), at_path);
}

}  // namespace tidegate
