// The foreign autoscalers, one function each. They read a manifest, put errors into the log's problems and what cannot
// be carried over into its notes, and answer with a service even then.
#pragma once

#include "serve/import/imported.h"
#include "serve/import/manifests.h"

namespace tidegate {

// autoscaling/v2, v2beta2 and v1.
[[nodiscard]] ImportedService import_hpa(const Manifest& manifest, const ImportContext& context);
// keda.sh/v1alpha1 ScaledObject.
[[nodiscard]] ImportedService import_keda(const Manifest& manifest, const ImportContext& context);
// serving.knative.dev/v1 Service, or a Deployment with Knative's annotations.
[[nodiscard]] ImportedService import_knative(const Manifest& manifest, const ImportContext& context);
[[nodiscard]] bool has_knative_annotations(const YamlNode& node);
// The deployments of a Ray Serve configuration, or of a RayService, that have an autoscaling_config.
[[nodiscard]] std::vector<ImportedService> import_ray_serve(const Manifest& manifest, const ImportContext& context);
[[nodiscard]] bool is_ray_serve(const Manifest& manifest);

// A Deployment, StatefulSet or another kind with a pod template.
[[nodiscard]] std::optional<WorkloadFacts> workload_facts(const Manifest& manifest);

// ---- parts they share

// What is scaled, and what the manifests beside it tell of it.
void read_scale_target(ForeignMap reference, const Manifest& manifest, ImportedService& service,
                       const ImportContext& context);
// A metric by the name an adapter or a query gives it.
struct NamedSignal {
  Signal signal = Signal::custom;
  std::string name;  // of a custom one
};
[[nodiscard]] NamedSignal signal_named(std::string_view metric);
// Where a signal comes from that only has a name: a preset, or with --prometheus a query; else a note says that it has
// no source.
struct MetricSource {
  NamedSignal signal;
  std::string metric;
  std::string query;  // PromQL for it; empty: cannot be told
};
void add_source(const MetricSource& source, ForeignMap& from, ImportedService& service, const ImportContext& context);
// At zero replicas somebody must see requests arrive: without `traffic` the least is 1, and a note says so.
void keep_one_without_traffic(ForeignMap& from, std::string_view key, ImportedService& service);
// behavior.scaleUp and scaleDown.
void read_hpa_behavior(ForeignMap behavior, HpaPolicy& policy);

}  // namespace tidegate
