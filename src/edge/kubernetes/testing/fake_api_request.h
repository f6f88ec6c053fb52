// What a client asked the fake API server for: the request, taken apart, and what its selectors select.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "edge/kubernetes/json_fields.h"

namespace tidegate {

struct FakeApiRequest {
  std::string method;
  std::string path;  // without its query
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  [[nodiscard]] std::string text() const { return method + " " + path; }
};

// `message`: a whole one, head and body.
[[nodiscard]] FakeApiRequest parse_request(const std::string& message);
// Empty where the query does not name it.
[[nodiscard]] std::string query_of(const FakeApiRequest& request, const std::string& name);
[[nodiscard]] std::int64_t number_of(const std::string& text, std::int64_t otherwise);
// The parts between `at`, without empty ones.
[[nodiscard]] std::vector<std::string> split(std::string_view text, char at);
// Whether the object is in the namespace (empty: any) and fits the label and field selectors of the request.
[[nodiscard]] bool is_selected(const Json& object, const std::string& space, const FakeApiRequest& request);

}  // namespace tidegate
