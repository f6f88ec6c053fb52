// The files of deploy/ that people write by hand, as they were when the program was built.
#pragma once

#include <span>
#include <string_view>

namespace tidegate {

struct EmbeddedFile {
  std::string_view path;  // "kustomize/base/deployment.yaml"
  std::string_view text;
};

[[nodiscard]] std::span<const EmbeddedFile> embedded_files();

}  // namespace tidegate
