// Kubernetes' HorizontalPodAutoscaler.
#include <fmt/format.h>

#include <utility>

#include "edge/sources/prometheus_answer.h"
#include "serve/import/autoscalers.h"

namespace tidegate {
namespace {

constexpr std::size_t limits_most = 16, further_metrics_most = 15;

std::string pods_of_workload(const ImportedService& service) {
  return fmt::format("namespace={},pod=~{}", promql_quoted(service.name_space.empty() ? "default" : service.name_space),
                     promql_quoted((service.target ? service.target->name : service.name) + "-.*"));
}

std::string selector_text(ForeignMap selector) {
  std::string text;
  if (const auto* given = selector.take("matchLabels"); given && given->kind == YamlKind::map)
    for (std::size_t i = 0; i < given->keys.size(); ++i)
      text += fmt::format("{}{}={}", text.empty() ? "" : ",", given->keys[i].text, promql_quoted(given->items[i].text));
  selector.leave_out_rest("only `matchLabels` become part of the query");
  return text;
}

// The target of a metric: {type: AverageValue, averageValue: 500m}.
bool read_target(ForeignMap target, bool of_pods, HpaMetric& metric) {
  target.pass_over({"type"});
  const auto utilization = target.number("averageUtilization");
  const auto average = target.number("averageValue");
  const auto value = target.number("value");
  if (utilization) metric.type = HpaTarget::utilization, metric.target = *utilization / 100;
  if (average) metric.type = of_pods ? HpaTarget::pods_average : HpaTarget::average_value, metric.target = *average;
  if (value) metric.type = HpaTarget::value, metric.target = *value;
  target.leave_out_rest("not a kind of target that is known");
  return utilization || average || value;
}

// Shares are often exported in percent.
void normalise_share(HpaMetric& metric) {
  const bool is_share = metric.signal == Signal::kv_usage || metric.signal == Signal::gpu_util;
  if (is_share && metric.type != HpaTarget::utilization && metric.target > 1.5) metric.target /= 100;
}

std::string resource_query(const std::string& resource, bool is_share, const ImportedService& service) {
  const auto pods = pods_of_workload(service);
  const auto used = resource == "cpu"
                        ? fmt::format("sum(rate(container_cpu_usage_seconds_total{{{},container!=\"\"}}[2m]))", pods)
                        : fmt::format("sum(container_memory_working_set_bytes{{{},container!=\"\"}})", pods);
  if (!is_share) return used;
  return fmt::format("{} / sum(kube_pod_container_resource_requests{{{},resource={}}})", used, pods,
                     promql_quoted(resource));
}

std::optional<HpaMetric> read_resource(ForeignMap source, ImportedService& service, const ImportContext& context) {
  const auto resource = source.text("name").value_or("");
  source.leave_out("container", "usage is measured over the whole pod");
  HpaMetric metric{.signal = Signal::custom, .name = resource};
  if (!read_target(source.map("target"), true, metric)) return std::nullopt;
  const bool known = resource == "cpu" || resource == "memory";
  const bool is_share = metric.type == HpaTarget::utilization;
  add_source({.signal = {Signal::custom, resource},
              .metric = resource,
              .query = known ? resource_query(resource, is_share, service) : ""},
             source, service, context);
  return metric;
}

std::optional<HpaMetric> read_named(ForeignMap source, bool of_pods, ImportedService& service,
                                    const ImportContext& context) {
  auto named = source.map("metric");
  const auto name = named.text("name").value_or("");
  const auto labels = selector_text(named.map("selector"));
  source.leave_out("describedObject", "the object is not looked at; the metric is read from its source");
  HpaMetric metric{};
  const auto signal = signal_named(name);
  metric.signal = signal.signal;
  metric.name = signal.name;
  if (name.empty() || !read_target(source.map("target"), of_pods, metric)) return std::nullopt;
  normalise_share(metric);
  auto matchers = of_pods ? pods_of_workload(service) : labels;
  if (of_pods && !labels.empty()) matchers += "," + labels;
  const bool quantity_of_all = signal.signal != Signal::kv_usage && signal.signal != Signal::gpu_util;
  add_source({.signal = signal,
              .metric = name,
              .query = fmt::format("{}({}{{{}}})", quantity_of_all ? "sum" : "avg", name, matchers)},
             source, service, context);
  return metric;
}

std::optional<HpaMetric> read_metric_of(ForeignMap& entry, ImportedService& service, const ImportContext& context) {
  const auto type = entry.text("type").value_or("");
  std::optional<HpaMetric> metric;
  if (type == "Resource") metric = read_resource(entry.map("resource"), service, context);
  if (type == "ContainerResource") metric = read_resource(entry.map("containerResource"), service, context);
  if (type == "Pods") metric = read_named(entry.map("pods"), true, service, context);
  if (type == "Object") metric = read_named(entry.map("object"), false, service, context);
  if (type == "External") metric = read_named(entry.map("external"), false, service, context);
  if (!metric) entry.note("", fmt::format("a metric of the type `{}` without a usable target is left out", type));
  entry.leave_out_rest("not part of a metric that is known");
  return metric;
}

std::vector<HpaScalingPolicy> read_limits(ForeignMap& rules) {
  std::vector<HpaScalingPolicy> limits;
  for (auto& entry : rules.maps("policies")) {
    const auto type = entry.text("type").value_or("");
    const auto value = entry.integer("value");
    const auto period = entry.seconds("periodSeconds");
    entry.leave_out_rest("not part of a limit that is known");
    const bool known = (type == "Pods" || type == "Percent") && value && period && *period > Duration::zero();
    if (!known || limits.size() == limits_most) {
      entry.note("", "a limit that is not understood is left out");
      continue;
    }
    limits.push_back(
        {.unit = type == "Pods" ? HpaScalingUnit::pods : HpaScalingUnit::percent, .value = *value, .period = *period});
  }
  return limits;
}

void read_select(ForeignMap& rules, HpaSelect& select) {
  const auto word = rules.text("selectPolicy");
  if (!word || *word == "Max") return;
  if (*word == "Min" || *word == "Disabled")
    select = *word == "Min" ? HpaSelect::min : HpaSelect::disabled;
  else
    rules.note("selectPolicy", fmt::format("`{}` is unknown; Max is used", *word));
}

void put_metrics(std::vector<HpaMetric> metrics, ForeignMap& spec, HpaPolicy& policy) {
  if (metrics.empty()) return;
  policy.signal = metrics[0].signal;
  policy.name = metrics[0].name;
  policy.type = metrics[0].type;
  policy.target_average = metrics[0].target;
  metrics.erase(metrics.begin());
  if (metrics.size() > further_metrics_most) {
    spec.note("metrics", fmt::format("only the first {} are carried over", further_metrics_most + 1));
    metrics.resize(further_metrics_most);
  }
  policy.metrics = std::move(metrics);
}

}  // namespace

void read_hpa_behavior(ForeignMap behavior, HpaPolicy& policy) {
  for (const bool up : {true, false}) {
    auto rules = behavior.map(up ? "scaleUp" : "scaleDown");
    if (const auto window = rules.seconds("stabilizationWindowSeconds"))
      (up ? policy.stabilize_up : policy.stabilize_down) = *window;
    (up ? policy.up_policies : policy.down_policies) = read_limits(rules);
    read_select(rules, up ? policy.up_select : policy.down_select);
    if (const auto tolerance = rules.number("tolerance")) {
      if (*tolerance <= 1)
        (up ? policy.tolerance_up : policy.tolerance_down) = *tolerance;
      else
        rules.note("tolerance", "a tolerance above 1 is left out");
    }
    rules.leave_out_rest("not a rule that is known");
  }
  behavior.leave_out_rest("not a behavior that is known");
}

ImportedService import_hpa(const Manifest& manifest, const ImportContext& context) {
  ImportedService service{.owner = "HorizontalPodAutoscaler"};
  ForeignMap root(&manifest.node, "", context.log);
  auto spec = root.map("spec");
  read_scale_target(spec.map("scaleTargetRef"), manifest, service, context);
  service.replicas_min = Replicas{spec.integer("minReplicas").value_or(1)};
  const auto most = spec.integer("maxReplicas");
  if (!most)
    context.log.problems.error("missing", spec.is_given() ? spec.at() : root.at(), "`spec.maxReplicas` is missing");
  service.replicas_max = Replicas{most.value_or(1)};
  std::vector<HpaMetric> metrics;
  for (auto& entry : spec.maps("metrics"))
    if (auto metric = read_metric_of(entry, service, context)) metrics.push_back(std::move(*metric));
  // autoscaling/v1 has one number, and every version this default.
  const auto percent = spec.number("targetCPUUtilizationPercentage");
  if (percent || (metrics.empty() && !spec.has("metrics"))) {
    metrics.push_back({.signal = Signal::custom,
                       .name = "cpu",
                       .type = HpaTarget::utilization,
                       .target = percent.value_or(80) / 100});
    add_source({.signal = {Signal::custom, "cpu"}, .metric = "cpu", .query = resource_query("cpu", true, service)},
               spec, service, context);
  }
  HpaPolicy policy;
  read_hpa_behavior(spec.map("behavior"), policy);
  if (!metrics.empty()) {
    put_metrics(std::move(metrics), spec, policy);
    service.peer = policy;
  }
  spec.leave_out_rest("not a field that is known");
  keep_one_without_traffic(spec, "minReplicas", service);
  return service;
}

}  // namespace tidegate
