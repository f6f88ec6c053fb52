// Every address of the HTTP API in one table: the server's routes and the OpenAPI document are both made from it, so
// neither can know an address that the other does not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

struct ApiParameter {
  std::string_view name;
  std::string_view in;  // "path" or "query"
  std::string_view type;
  std::string_view about;
};

struct ApiRoute {
  std::string_view method;
  std::string_view path;
  std::string_view name;  // operationId, and the handler's key
  std::string_view about;
  std::vector<ApiParameter> parameters = {};
  std::string_view takes = {};  // schema of the body
  std::string_view gives = {};  // schema of the answer
  std::string_view media = "application/json";
  bool open = false;  // without the token
};

[[nodiscard]] const std::vector<ApiRoute>& api_routes();

// OpenAPI 3.1.
[[nodiscard]] std::string openapi_document(const std::string& version);

}  // namespace tidegate
