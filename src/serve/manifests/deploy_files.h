// What deploy/ holds, as the export commands write it: files that people wrote, which the program carries, and files
// that are made from tables (the resource definition, permissions, alerts, the dashboard). One source for both: a test
// holds deploy/ against this.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

struct DeployFile {
  std::string path;  // below deploy/: "kustomize/base/crd.yaml"
  std::string text;
  bool is_made = false;  // from tables; `./dev bless` rewrites it
};

// By path.
[[nodiscard]] std::vector<DeployFile> deploy_files();
// Those below a folder of deploy/, with paths from there on: "kustomize", "helm/tidegate".
[[nodiscard]] std::vector<DeployFile> deploy_files_below(std::string_view folder);

}  // namespace tidegate
