// The JSON Schemas of what the HTTP API takes and gives, as the OpenAPI document has them.
#pragma once

#include <string_view>

namespace tidegate {

[[nodiscard]] std::string_view api_schemas();

}  // namespace tidegate
