// Who owns which fields, as metadata.managedFields says it: the part of server-side apply that tests rely on. Lists are
// taken as one value.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "edge/kubernetes/json_fields.h"

namespace tidegate {

using FieldPath = std::vector<std::string>;

// Every leaf of `after` that `before` has not, or has otherwise; metadata and the type are left out.
[[nodiscard]] std::set<FieldPath> changed_fields(const Json& before, const Json& after);

struct FieldWriter {
  std::string manager;
  std::string operation;  // "Update", "Apply"
  std::string subresource;
};

// Gives those fields of the object to the writer and takes them from everybody else.
void own_fields(Json& object, const std::set<FieldPath>& fields, const FieldWriter& writer, const std::string& time);

// Those of `fields` that another manager owns: "manager: .spec.replicas".
[[nodiscard]] std::vector<std::pair<std::string, FieldPath>> foreign_fields(const Json& object,
                                                                            const std::set<FieldPath>& fields,
                                                                            const std::string& manager);

}  // namespace tidegate
