#include "serve/import/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "serve/import/autoscalers.h"
#include "serve/import/manifests.h"
#include "serve/resource/scaled_model.h"

namespace tidegate {
namespace {

bool is_of(const Manifest& manifest, std::string_view group, std::string_view kind) {
  return manifest.kind == kind && manifest.api_version.starts_with(group);
}

bool is_workload(const Manifest& manifest) {
  return is_of(manifest, "apps/", "Deployment") || is_of(manifest, "apps/", "StatefulSet") ||
         is_of(manifest, "leaderworkerset.x-k8s.io/", "LeaderWorkerSet");
}

// What stands beside autoscalers in people's files and says nothing of the size.
bool is_companion(const Manifest& manifest) {
  return is_workload(manifest) || is_of(manifest, "keda.sh/", "TriggerAuthentication") ||
         is_of(manifest, "keda.sh/", "ClusterTriggerAuthentication") ||
         (manifest.api_version == "v1" &&
          (manifest.kind == "Service" || manifest.kind == "Namespace" || manifest.kind == "ConfigMap"));
}

void refuse(const Manifest& manifest, Diagnostics& problems) {
  const auto what = manifest.kind.empty()
                        ? std::string{"this manifest has no `kind`"}
                        : fmt::format("a {} of {} cannot be imported", manifest.kind,
                                      manifest.api_version.empty() ? "no API version" : manifest.api_version);
  std::string help =
      "known are: HorizontalPodAutoscaler (autoscaling/v2), ScaledObject (keda.sh), Service (serving.knative.dev), a "
      "Deployment with Knative's annotations, RayService (ray.io) and Ray Serve's configuration file";
  if (manifest.kind == "ScaledJob") help = "jobs are not scaled by replicas: import a ScaledObject";
  if (manifest.kind == "HTTPScaledObject") help = "write its targetValue as `{keda: {triggers: ...}}` by hand";
  if (manifest.kind == "HorizontalPodAutoscaler") help = "`kubectl get hpa -o yaml` shows it as autoscaling/v2";
  problems.error("unknown_kind", manifest.node.at, what, help);
}

// The autoscaler that made this one, and makes it again: "ScaledObject chat". Empty: it stands for itself.
std::string maker_of(const Manifest& manifest) {
  const auto* metadata = manifest.node.find("metadata");
  const auto* owners = metadata ? metadata->find("ownerReferences") : nullptr;
  if (!owners || owners->kind != YamlKind::list) return "";
  for (const auto& owner : owners->items) {
    const auto* kind = owner.kind == YamlKind::map ? owner.find("kind") : nullptr;
    const auto* name = owner.kind == YamlKind::map ? owner.find("name") : nullptr;
    if (kind && name && (kind->text == "ScaledObject" || kind->text == "PodAutoscaler"))
      return kind->text + " " + name->text;
  }
  return "";
}

std::vector<ImportedService> services_of(const Manifest& manifest, const ImportContext& context) {
  const auto& version = manifest.api_version;
  if (const auto maker = maker_of(manifest); !maker.empty()) {
    context.log.notes.push_back({.at = manifest.node.at,
                                 .field = "metadata.ownerReferences",
                                 .text = fmt::format("{} belongs to {}: import that", manifest.name, maker)});
    return {};
  }
  if (manifest.kind == "HorizontalPodAutoscaler" &&
      (version == "autoscaling/v2" || version == "autoscaling/v2beta2" || version == "autoscaling/v1"))
    return {import_hpa(manifest, context)};
  if (is_of(manifest, "keda.sh/", "ScaledObject")) return {import_keda(manifest, context)};
  if (is_of(manifest, "serving.knative.dev/", "Service") ||
      (is_workload(manifest) && has_knative_annotations(manifest.node)))
    return {import_knative(manifest, context)};
  if (is_ray_serve(manifest)) return import_ray_serve(manifest, context);
  if (!is_companion(manifest)) refuse(manifest, context.log.problems);
  return {};
}

// Bounds that the reader would refuse are errors of the manifest, said in its own words.
void check_bounds(const ImportedService& service, const Manifest& manifest, Diagnostics& problems) {
  const auto low = service.replicas_min.value(), high = service.replicas_max.value();
  if (low < 0 || high < 1 || low > high || high > 100'000)
    problems.error("bad_bounds", manifest.node.at,
                   fmt::format("the bounds {} and {} of {} are none", low, high, service.origin),
                   "the least is 0 or more, the most at least as much, and at most 100000");
}

// What is written must read back: a number beyond what a setting takes is an error of the import, named by its field.
std::string check_readable(const ImportedService& service) {
  const auto loaded = load_scaled_model(imported_yaml({service}, ImportForm::resource), Resolvers{});
  std::string errors;
  for (const auto& problem : loaded.problems)
    if (problem.severity == Severity::error)
      errors += fmt::format("{} cannot be carried over: {}\n", service.origin, field_line(problem));
  return errors;
}

struct Source {
  const ImportedText* text = nullptr;
  Diagnostics problems;
  std::vector<Manifest> manifests;
};

void import_from(Source& source, const ImportOptions& options, const std::vector<WorkloadFacts>& workloads,
                 std::set<std::string>& names, Import& result) {
  for (const auto& manifest : source.manifests) {
    ImportLog log{source.problems, {}};
    auto services = services_of(manifest, {options, workloads, log});
    for (const auto& note : log.notes)
      result.notes.push_back(fmt::format("{}:{}: {}: {}", source.text->filename, note.at.line, note.field, note.text));
    for (auto& service : services) {
      if (service.notes.empty() && services.size() == 1) service.notes = log.notes;
      check_bounds(service, manifest, source.problems);
      if (!names.insert(service.name_space + "/" + service.name).second)
        source.problems.error("duplicate_name", manifest.node.at,
                              fmt::format("`{}` is scaled by two of the manifests", service.name),
                              "a workload has one autoscaler: import one of them");
      result.services.push_back(std::move(service));
    }
  }
}

}  // namespace

Import import_manifests(const std::vector<ImportedText>& texts, const ImportOptions& options, ImportForm form) {
  Import result;
  std::vector<Source> sources;
  std::vector<WorkloadFacts> workloads;
  for (const auto& text : texts) {
    auto& source = sources.emplace_back(Source{.text = &text});
    source.manifests = read_manifests(text.text, source.problems);
    for (const auto& manifest : source.manifests)
      if (is_workload(manifest))
        if (auto facts = workload_facts(manifest)) workloads.push_back(std::move(*facts));
  }
  std::set<std::string> names;
  for (auto& source : sources) import_from(source, options, workloads, names, result);
  for (const auto& source : sources)
    if (source.problems.has_errors())
      result.errors += render(source.problems, source.text->filename, source.text->text);
  if (result.errors.empty())
    for (const auto& service : result.services) result.errors += check_readable(service);
  if (result.errors.empty() && result.services.empty()) result.errors = "no autoscaler stands in what was given\n";
  if (result.errors.empty()) result.yaml = imported_yaml(result.services, form);
  return result;
}

}  // namespace tidegate
