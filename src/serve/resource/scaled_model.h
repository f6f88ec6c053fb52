// Reads ScaledModels, the custom resource of tidegate.dev/v1alpha1: `spec` is one entry of a file's `services:`, its
// name is metadata.name. The settings, their reader and its checks are the file's own (serve/config); this adds the
// envelope and says each problem by the path of its field, since an object from the API server has no lines.
//
// Refused beside what a file refuses: processes (nothing is run inside the operator), and variables and files of the
// operator (whoever may write a ScaledModel could send them anywhere). JSON is read as the YAML it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/service_spec.h"
#include "serve/config/configuration.h"
#include "serve/config/yaml_node.h"

namespace tidegate {

inline constexpr std::string_view resource_group = "tidegate.dev";
inline constexpr std::string_view resource_version = "v1alpha1";
inline constexpr std::string_view resource_api_version = "tidegate.dev/v1alpha1";
inline constexpr std::string_view resource_kind = "ScaledModel";

struct FieldProblem {
  Severity severity = Severity::error;
  std::string code;     // as a diagnostic's
  std::string path;     // "spec.replicas.min", "spec.pools[0].target"
  std::string message;  // one sentence
  std::string help;
  friend bool operator==(const FieldProblem&, const FieldProblem&) = default;
};

struct LoadedScaledModel {
  std::string name;                    // metadata.name
  std::string name_space;              // metadata.namespace; empty: not given
  std::optional<ServiceSpec> service;  // set when there are no errors
  std::vector<FieldProblem> problems;  // by place
  Diagnostics diagnostics;             // the same, by line and column of the text
};

// One object: a manifest, or what the API server answers (status and the rest of metadata are passed over).
[[nodiscard]] LoadedScaledModel load_scaled_model(std::string_view text, const Resolvers& resolvers);
[[nodiscard]] LoadedScaledModel load_scaled_model(const YamlNode& root, const Resolvers& resolvers);

// "spec.replicas.min: `min` is 5 and `max` is 3; raise `max` or lower `min`"
[[nodiscard]] std::string field_line(const FieldProblem& problem);

}  // namespace tidegate
