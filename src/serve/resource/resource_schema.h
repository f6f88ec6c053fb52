// The two halves of a ScaledModel's schema, as Kubernetes' OpenAPI subset; only resource_definition.cc uses them.
#pragma once

#include <nlohmann/json.hpp>

#include "serve/config/schema.h"

namespace tidegate {

[[nodiscard]] nlohmann::ordered_json resource_spec_schema();
[[nodiscard]] nlohmann::ordered_json resource_status_schema();

// x-kubernetes-validations of a section whose schema has `properties`; an empty list: none.
[[nodiscard]] nlohmann::ordered_json resource_rules(const Section& section, const nlohmann::ordered_json& properties);

}  // namespace tidegate
