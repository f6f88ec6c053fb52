// Writes the policies that an import makes as the configuration has them: what differs from the default, and nothing
// else, so that reading gives the same policy again.
#pragma once

#include "core/model/policy_spec.h"
#include "serve/config/yaml_writer.h"

namespace tidegate {

// As an item of a list: `- hpa: {...}`. Of hpa, keda, knative, ray_serve and schedule; another one is our bug.
void write_policy(YamlWriter& yaml, const PolicySpec& policy);

}  // namespace tidegate
