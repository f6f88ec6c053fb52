// The CustomResourceDefinition of ScaledModel, made from the tables that read the configuration
// (serve/config/schema.h).
//
// Kubernetes wants a structural schema: one type for each field, no references, every list and text bounded. So where a
// file takes several forms of a setting, the resource takes the fullest one (the last shape of the table): `replicas`,
// `signals` and `target` are maps, `policy`, `compare_with` and `match.model` are lists, shares are numbers. Whatever
// the resource takes, a file takes too. Rules that concern several fields are written in CEL, with the messages of the
// reader; what no schema can say (ranges of durations, time zones) the operator's reader says in the status.
//
// Left out: `name` (it is metadata.name), and processes.
#pragma once

#include <string>

namespace tidegate {

// One YAML document.
[[nodiscard]] std::string resource_definition();

}  // namespace tidegate
