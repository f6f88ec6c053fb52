// Whatever stands in a manifest: an import ends, and what it writes reads back.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/check.h"
#include "serve/config/configuration.h"
#include "serve/import/import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace tidegate;
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const auto import =
      import_manifests({{.filename = "f", .text = text}}, {.prometheus = "http://p:9090"}, ImportForm::file);
  CHECK(import.errors.empty() != import.yaml.empty());
  if (!import.yaml.empty()) CHECK(load_configuration(import.yaml, "f", {}).problems.errors() <= 1);
  return 0;
}
