// Turns the autoscalers that people have into ScaledModels in shadow mode: HorizontalPodAutoscalers, KEDA's
// ScaledObjects, Knative's annotations and Ray Serve's autoscaling_config. Beside each stands the autoscaler itself as
// a peer with its real settings (`compare_with`), on the same workload, so that both can be looked at before one is
// chosen.
//
// Pure text to text. Nothing is guessed: what a manifest does not say (the SLO, where a metric comes from) and what
// tidegate has no word for is named, per field, as a note and as a comment in the result. A kind that is not known is
// an error, and then nothing is imported. What is written reads back without an error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "serve/import/imported.h"

namespace tidegate {

enum class ImportForm : std::uint8_t { resource, file };  // ScaledModels, or the `services:` of a tidegate.yaml

struct ImportedText {
  std::string filename;
  std::string text;
};

struct Import {
  std::vector<ImportedService> services;
  std::string yaml;                // empty when there were errors
  std::vector<std::string> notes;  // "hpa.yaml:14: spec.behavior.scaleUp.tolerance: ..."
  std::string errors;              // rendered; empty: none
};

[[nodiscard]] Import import_manifests(const std::vector<ImportedText>& texts, const ImportOptions& options,
                                      ImportForm form);

// The services as YAML.
[[nodiscard]] std::string imported_yaml(const std::vector<ImportedService>& services, ImportForm form);

}  // namespace tidegate
