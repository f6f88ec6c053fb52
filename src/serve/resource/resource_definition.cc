#include "serve/resource/resource_definition.h"

#include <string_view>

#include "serve/config/yaml_writer.h"
#include "serve/resource/resource_schema.h"
#include "serve/resource/scaled_model.h"

namespace tidegate {
namespace {

using Json = nlohmann::ordered_json;

Json column(std::string_view name, std::string_view type, std::string_view path, std::string_view about,
            bool is_wide = false) {
  Json json{{"name", name}, {"type", type}, {"jsonPath", path}, {"description", about}};
  if (is_wide) json["priority"] = 1;
  return json;
}

Json columns() {
  return {column("Mode", "string", ".spec.mode", "act, or shadow: decide and report only"),
          column("Ready", "integer", ".status.ready", "Replicas that serve"),
          column("Desired", "integer", ".status.desired", "Replicas decided"),
          column("Floor", "number", ".status.band.floor", "Least that must be there after the lead time"),
          column("Ceiling", "number", ".status.band.ceiling", "Most still worth keeping"),
          column("Reason", "string", ".status.lastDecision.reason", "Why it has the size it has"),
          column("SLO", "string", ".status.slo.summary", "Requests within the SLO over the last hour"),
          column("Available", "string", ".status.conditions[?(@.type==\"Ready\")].status", "The condition Ready", true),
          column("Conflict", "string", ".status.conditions[?(@.type==\"Conflict\")].status", "The condition Conflict",
                 true),
          column("Age", "date", ".metadata.creationTimestamp", "Since it was made")};
}

Json schema() {
  return {
      {"type", "object"},
      {"description",
       "A served model that tidegate keeps at the size its SLO asks for. `kubectl explain scaledmodel.spec` has the "
       "settings."},
      {"required", {"spec"}},
      {"x-kubernetes-validations",
       {{{"rule", "self.metadata.name.size() <= 63"},
         {"message", "metadata.name is the name of the service: at most 63 characters"}}}},
      {"properties",
       {{"apiVersion", {{"type", "string"}, {"description", "tidegate.dev/v1alpha1."}}},
        {"kind", {{"type", "string"}, {"description", "ScaledModel."}}},
        {"metadata", {{"type", "object"}}},
        {"spec", resource_spec_schema()},
        {"status", resource_status_schema()}}}};
}

}  // namespace

std::string resource_definition() {
  const Json names{{"plural", "scaledmodels"},      {"singular", "scaledmodel"}, {"kind", resource_kind},
                   {"listKind", "ScaledModelList"}, {"shortNames", {"sm"}},      {"categories", {"tidegate"}}};
  const Json version{{"name", resource_version},
                     {"served", true},
                     {"storage", true},
                     {"subresources", {{"status", Json::object()}}},
                     {"additionalPrinterColumns", columns()},
                     {"schema", {{"openAPIV3Schema", schema()}}}};
  const Json definition{
      {"apiVersion", "apiextensions.k8s.io/v1"},
      {"kind", "CustomResourceDefinition"},
      {"metadata",
       {{"name", "scaledmodels.tidegate.dev"},
        {"labels", {{"app.kubernetes.io/name", "tidegate"}, {"app.kubernetes.io/part-of", "tidegate"}}}}},
      {"spec",
       {{"group", resource_group}, {"scope", "Namespaced"}, {"names", names}, {"versions", Json::array({version})}}}};
  return "# Written by `tidegate export crds` from the tables that read the configuration.\n" + yaml_text(definition);
}

}  // namespace tidegate
