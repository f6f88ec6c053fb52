// Knative's annotations, on a Knative Service or on a Deployment.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "serve/config/quantities.h"
#include "serve/import/autoscalers.h"

namespace tidegate {
namespace {

constexpr std::string_view prefix = "autoscaling.knative.dev/";
constexpr std::int32_t endless_max = 100;

const YamlNode* node_at(const YamlNode* node, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) node = node && node->kind == YamlKind::map ? node->find(key) : nullptr;
  return node;
}

bool is_annotated(const YamlNode* annotations) {
  return annotations && annotations->kind == YamlKind::map &&
         std::ranges::any_of(annotations->keys, [](const YamlKey& key) { return key.text.starts_with(prefix); });
}

// Knative's own keys among the annotations, by either spelling.
class Annotations {
 public:
  explicit Annotations(ForeignMap map) : map_(std::move(map)) {}

  std::string key(std::string_view word) const {
    const auto dashed = fmt::format("{}{}", prefix, word);
    if (map_.has(dashed)) return dashed;
    std::string camel{prefix};  // min-scale was minScale once
    bool upper = false;
    for (const char c : word) {
      if (c != '-') camel += upper ? static_cast<char>(c - 'a' + 'A') : c;
      upper = c == '-';
    }
    return map_.has(camel) ? camel : dashed;
  }
  std::optional<std::string> text(std::string_view word) { return map_.text(key(word)); }
  std::optional<double> number(std::string_view word) { return map_.number(key(word)); }
  std::optional<std::int32_t> integer(std::string_view word) { return map_.integer(key(word)); }
  // "60s", "1m30s"
  std::optional<Duration> duration(std::string_view word);
  void note(std::string_view word, std::string text) { map_.note(key(word), std::move(text)); }
  void leave_out(std::string_view word, std::string_view why) { map_.leave_out(key(word), why); }
  void leave_out_rest(const YamlNode* annotations) {
    if (!annotations) return;
    for (const auto& one : annotations->keys)
      if (!one.text.starts_with(prefix)) map_.pass_over({one.text});
    map_.leave_out_rest("not a setting that is known");
  }
  ForeignMap& map() { return map_; }

 private:
  ForeignMap map_;
};

std::optional<Duration> Annotations::duration(std::string_view word) {
  const auto written = text(word);
  if (!written) return std::nullopt;
  const auto read = read_duration(*written);
  if (read) return *read;
  note(word, fmt::format("`{}` is not understood and left out", *written));
  return std::nullopt;
}

void read_windows(Annotations& given, KnativePolicy& policy) {
  if (const auto window = given.duration("window")) policy.window = *window;
  if (const auto share = given.number("panic-window-percentage")) policy.panic_window_percentage = *share;
  if (const auto share = given.number("panic-threshold-percentage")) policy.panic_threshold_percentage = *share;
  if (const auto delay = given.duration("scale-down-delay")) policy.scale_down_delay = *delay;
  if (const auto keep = given.duration("scale-to-zero-pod-retention-period"))
    policy.scale_to_zero_pod_retention_period = *keep;
  if (const auto way = given.text("metric-aggregation-algorithm")) {
    if (*way == "weighted-exponential")
      policy.metric_aggregation_algorithm = KnativeAggregation::weighted_exponential;
    else if (*way != "linear")
      given.note("metric-aggregation-algorithm", fmt::format("`{}` is unknown; linear is used", *way));
  }
}

KnativePolicy read_kpa(Annotations& given, const std::optional<std::int32_t>& concurrency) {
  KnativePolicy policy;
  const auto metric = given.text("metric").value_or("concurrency");
  if (metric == "rps")
    policy.metric = KnativeMetric::rps;
  else if (metric != "concurrency")
    given.note("metric", fmt::format("`{}` is unknown to the KPA; concurrency is used", metric));
  policy.target = given.number("target");
  if (const auto share = given.number("target-utilization-percentage"))
    policy.target_utilization_percentage = *share <= 1 ? *share * 100 : *share;
  if (const auto burst = given.number("target-burst-capacity")) policy.target_burst_capacity = *burst;
  policy.container_concurrency = concurrency.value_or(0);
  policy.activation_scale = std::max(1, given.integer("activation-scale").value_or(1));
  policy.initial_scale = std::max(0, given.integer("initial-scale").value_or(1));
  read_windows(given, policy);
  return policy;
}

// class: hpa.autoscaling.knative.dev
HpaPolicy read_class_hpa(Annotations& given, ImportedService& service, const ImportContext& context) {
  const auto metric = given.text("metric").value_or("cpu");
  const bool is_memory = metric == "memory";
  const auto target = given.number("target").value_or(is_memory ? 100 : 80);
  add_source({.signal = {Signal::custom, metric}, .metric = metric}, given.map(), service, context);
  HpaPolicy policy{.signal = Signal::custom, .name = metric};
  policy.type = is_memory ? HpaTarget::pods_average : HpaTarget::utilization;
  policy.target_average = is_memory ? target * (1 << 20) : target / 100;
  if (const auto window = given.duration("window")) policy.stabilize_down = *window;
  return policy;
}

void read_scales(Annotations& given, ImportedService& service) {
  const auto most = given.integer("max-scale").value_or(0);
  service.replicas_min = Replicas{std::max(0, given.integer("min-scale").value_or(0))};
  service.replicas_max = Replicas{most > 0 ? most : std::max(endless_max, service.replicas_min.value())};
  if (most <= 0)
    given.note("max-scale", fmt::format("Knative has no most here; {} is written: change it", endless_max));
}

}  // namespace

bool has_knative_annotations(const YamlNode& node) {
  return is_annotated(node_at(&node, {"spec", "template", "metadata", "annotations"})) ||
         is_annotated(node_at(&node, {"metadata", "annotations"}));
}

ImportedService import_knative(const Manifest& manifest, const ImportContext& context) {
  const bool is_service = manifest.kind == "Service";
  ImportedService service{.owner = is_service ? "Knative Service" : "Knative revision"};
  ForeignMap root(&manifest.node, "", context.log);
  const auto* in_template = node_at(&manifest.node, {"spec", "template", "metadata", "annotations"});
  const auto* on_object = node_at(&manifest.node, {"metadata", "annotations"});
  const bool from_template = is_annotated(in_template) || !is_annotated(on_object);
  const auto* annotations = from_template ? in_template : on_object;
  Annotations given(ForeignMap(
      annotations, from_template ? "spec.template.metadata.annotations" : "metadata.annotations", context.log));
  service.origin = fmt::format("{} {}{}{}", is_service ? "Knative Service" : "Knative's annotations of Deployment",
                               manifest.name_space, manifest.name_space.empty() ? "" : "/", manifest.name);
  service.name = manifest.name;
  service.name_space = manifest.name_space;
  service.target = KubernetesTargetSpec{.name = manifest.name};
  if (manifest.name.empty())
    context.log.problems.error("missing", manifest.node.at, "the manifest lacks `metadata.name`");
  if (const auto facts = workload_facts(manifest)) {
    service.gpus = facts->gpus;
    service.models = facts->models;
    if (facts->is_vllm) service.signals.preset = PresetSpec{};
  }
  if (is_service)
    root.note("spec",
              "Knative makes a Deployment for each revision and owns its size: name a Deployment of your own in "
              "`target` before `mode: act`");
  read_scales(given, service);
  auto pod = root.map("spec").map("template").map("spec");
  const auto concurrency = pod.integer("containerConcurrency");
  const auto scaler = given.text("class").value_or("kpa.autoscaling.knative.dev");
  if (scaler.starts_with("kpa."))
    service.peer = read_kpa(given, concurrency);
  else if (scaler.starts_with("hpa."))
    service.peer = read_class_hpa(given, service, context);
  else
    given.note("class", fmt::format("the class `{}` is unknown, so compare_with has no peer", scaler));
  given.leave_out_rest(annotations);
  keep_one_without_traffic(given.map(), given.key("min-scale"), service);
  return service;
}

}  // namespace tidegate
