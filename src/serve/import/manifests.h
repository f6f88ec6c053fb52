// Cuts a text of Kubernetes manifests into its objects: documents between `---` lines, and the items of a `List` (as
// `kubectl get -o yaml` prints them). Places stay those of the whole text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serve/config/yaml_node.h"

namespace tidegate {

inline constexpr std::size_t manifests_most = 1000;

struct Manifest {
  YamlNode node;                                    // a map
  std::string api_version, kind, name_space, name;  // empty: not given
};

[[nodiscard]] std::vector<Manifest> read_manifests(std::string_view text, Diagnostics& problems);

// The documents of a text, each with as many empty lines before it as stand there.
[[nodiscard]] std::vector<std::string> split_documents(std::string_view text);

}  // namespace tidegate
