// What the autoscalers' manifests have in common.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "edge/sources/hpa_history.h"
#include "serve/import/autoscalers.h"

namespace tidegate {
namespace {

bool is_vllm_metric(std::string_view metric) { return metric.starts_with("vllm:") || metric.starts_with("vllm_"); }

// What the vLLM preset reads from the replicas' own pages.
bool is_in_preset(Signal signal) {
  return signal == Signal::in_flight || signal == Signal::queued || signal == Signal::kv_usage;
}

const WorkloadFacts* facts_of(const ImportedService& service, const ImportContext& context) {
  for (const auto& facts : context.workloads)
    if (service.target && facts.kind == service.target->kind && facts.name == service.target->name &&
        (facts.name_space == service.name_space || facts.name_space.empty() || service.name_space.empty()))
      return &facts;
  return nullptr;
}

}  // namespace

void read_scale_target(ForeignMap reference, const Manifest& manifest, ImportedService& service,
                       const ImportContext& context) {
  KubernetesTargetSpec target;
  if (const auto version = reference.text("apiVersion")) target.api_version = *version;
  if (const auto kind = reference.text("kind")) target.kind = *kind;
  target.name = reference.text("name").value_or("");
  reference.leave_out("envSourceContainerName", "only KEDA's triggers use it");
  reference.leave_out_rest("not part of a target that is known");
  if (target.name.empty())
    context.log.problems.error("missing", reference.is_given() ? reference.at() : manifest.node.at,
                               fmt::format("`{}` names nothing to scale", reference.path()),
                               "give `scaleTargetRef` a name");
  service.origin = fmt::format("{} {}{}{}", manifest.kind, manifest.name_space, manifest.name_space.empty() ? "" : "/",
                               manifest.name);
  service.name = target.name;
  service.name_space = manifest.name_space;
  service.target = std::move(target);
  const auto* facts = facts_of(service, context);
  if (!facts) {
    if (reference.is_given())
      reference.note("", "the GPUs of a replica are not known: import its manifest beside this one, or write `gpus`");
    return;
  }
  service.gpus = facts->gpus;
  service.models = facts->models;
  if (facts->is_vllm) service.signals.preset = PresetSpec{};
  if (facts->devices)
    reference.note("", fmt::format("a replica takes {}, no whole GPU: write `gpu_share`, or `price`, to have its cost",
                                   *facts->devices));
}

NamedSignal signal_named(std::string_view metric) {
  if (const auto signal = signal_of_metric(metric)) return {.signal = *signal};
  return {.signal = Signal::custom, .name = std::string{metric}};
}

void add_source(const MetricSource& source, ForeignMap& from, ImportedService& service, const ImportContext& context) {
  const auto signal = source.signal.signal;
  if (is_in_preset(signal) && (is_vllm_metric(source.metric) || service.signals.preset)) {
    service.signals.preset = PresetSpec{};
    return;
  }
  const auto is_this = [&](const QuerySpec& query) {
    return query.signal == signal && query.name == source.signal.name;
  };
  if (std::ranges::any_of(service.signals.queries, is_this)) return;
  if (!context.options.prometheus || source.query.empty()) {
    from.note("",
              fmt::format("nothing measures `{}` yet: {}", source.metric,
                          source.query.empty() ? "add a query for it to `signals`"
                                               : "import with --prometheus URL, or add a query for it to `signals`"));
    return;
  }
  const PrometheusServerSpec server{.url = *context.options.prometheus};
  if (signal == Signal::arrivals) {
    if (!service.signals.traffic) service.signals.traffic = TrafficSpec{.server = server, .arrivals = source.query};
    return;
  }
  from.note("", fmt::format("the query for `{}` is made from its name: compare it with the rules of your adapter",
                            source.metric));
  service.signals.queries.push_back(
      {.signal = signal, .name = source.signal.name, .query = source.query, .server = server});
}

void keep_one_without_traffic(ForeignMap& from, std::string_view key, ImportedService& service) {
  if (service.replicas_min.value() > 0 || service.signals.traffic) return;
  service.replicas_min = Replicas{1};
  service.replicas_max = std::max(service.replicas_max, service.replicas_min);
  from.note(key,
            "at zero replicas nothing here would see a request arrive, so `min` is 1: add `traffic`, then set it to 0");
}

}  // namespace tidegate
