// The settings of Kubernetes' HorizontalPodAutoscaler, and how they are read.
#include <fmt/format.h>

#include <array>

#include "core/model/signal.h"
#include "serve/config/read_parts.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

using enum SettingKind;

constexpr double metrics_most = 15;  // beside the first
constexpr double policies_most = 16;

constexpr std::array metric_shape{
    Setting{"metric", section, required(), "one further metric", {.section = &hpa_metric_section}}};
constexpr std::array scaling_shape{
    Setting{"policy", section, required(), "one limit on the pace", {.section = &hpa_scaling_section}}};
constexpr Setting signal_setting{"signal", choice, literal("in_flight"), "the metric", {.choices = enum_words<Signal>}};
constexpr Setting name_setting{"name", text, otherwise("the signal's name"), "name of a custom signal"};
constexpr Setting type_setting{"type",
                               choice,
                               literal("pods_average"),
                               "mean over pods, share of a replica, total divided by replicas, or one number",
                               {.choices = enum_words<HpaTarget>}};

constexpr std::array hpa_settings{
    signal_setting,
    name_setting,
    type_setting,
    Setting{"target_average",
            number,
            literal("8"),
            "its target, per ready replica unless `type` says otherwise",
            {.unit = "the signal's", .low = 1e-3, .high = 1e12}},
    Setting{"metrics",
            list,
            otherwise("none"),
            "further metrics; the largest proposal wins",
            {.high = metrics_most, .shapes = metric_shape}},
    Setting{"tolerance", share, literal("0.1"), "deviation that changes nothing"},
    Setting{"tolerance_up", share, otherwise("tolerance"), "the same for raising alone"},
    Setting{"tolerance_down", share, otherwise("tolerance"), "the same for lowering alone"},
    Setting{"sync_period", duration, literal("15s"), "time between its decisions", {.low = 1, .high = hour_seconds}},
    Setting{
        "metric_delay", duration, literal("15s"), "age of the metric it would see", {.low = 0, .high = hour_seconds}},
    Setting{"stabilize_up", duration, literal("0s"), "window before raising", {.low = 0, .high = hour_seconds}},
    Setting{"stabilize_down", duration, literal("5m"), "window before lowering", {.low = 0, .high = hour_seconds}},
    Setting{"up_percent",
            integer,
            literal("100"),
            "most growth within `up_period`",
            {.unit = "percent", .low = 0, .high = 100'000}},
    Setting{"up_pods",
            integer,
            literal("4"),
            "most replicas added within `up_period`; the larger of both wins",
            {.unit = "replicas", .low = 0, .high = replicas_limit}},
    Setting{
        "up_period", duration, literal("15s"), "period of the limits on growth", {.low = 1, .high = hour_seconds / 2}},
    Setting{"up_policies",
            list,
            otherwise("those above"),
            "limits on growth, in their place",
            {.high = policies_most, .shapes = scaling_shape}},
    Setting{"up_select",
            choice,
            literal("max"),
            "which limit on growth counts: of the largest change, of the smallest, or no growth at all",
            {.choices = enum_words<HpaSelect>}},
    Setting{"down_percent",
            integer,
            literal("100"),
            "most shrinking within `down_period`",
            {.unit = "percent", .low = 0, .high = 100}},
    Setting{"down_period",
            duration,
            literal("15s"),
            "period of the limit on shrinking",
            {.low = 1, .high = hour_seconds / 2}},
    Setting{"down_policies",
            list,
            otherwise("the one above"),
            "limits on shrinking, in its place",
            {.high = policies_most, .shapes = scaling_shape}},
    Setting{
        "down_select", choice, literal("max"), "which limit on shrinking counts", {.choices = enum_words<HpaSelect>}}};

constexpr std::array hpa_metric_settings{
    signal_setting, name_setting, type_setting,
    Setting{"target", number, literal("8"), "its target", {.unit = "the signal's", .low = 1e-3, .high = 1e12}}};

constexpr std::array hpa_scaling_settings{
    Setting{"pods", integer, otherwise("percent"), "replicas", {.unit = "replicas", .low = 0, .high = replicas_limit}},
    Setting{"percent",
            integer,
            otherwise("pods"),
            "percent of the replicas at the begin of the period",
            {.unit = "percent", .low = 0, .high = 100'000}},
    Setting{"period", duration, literal("15s"), "within which they may change", {.low = 1, .high = hour_seconds / 2}}};

// A share of what a replica has can be told of shares alone.
void check_type(const YamlNode& node, Signal signal, HpaTarget type, Diagnostics& problems) {
  const bool is_share = signal == Signal::gpu_util || signal == Signal::gpu_memory || signal == Signal::kv_usage ||
                        signal == Signal::custom;
  if (type == HpaTarget::utilization && !is_share)
    problems.error("wrong_type", place_of(node, "type"),
                   fmt::format("{} is no share of what a replica has, so it has no utilization", to_text(signal)),
                   "write `type: pods_average`, or use gpu_util, kv_usage or a custom signal");
}

HpaMetric read_hpa_metric(const YamlNode& node, ReadContext context) {
  HpaMetric metric;
  SettingsReader reader(node, hpa_metric_section, context.problems);
  reader.choose("signal", metric.signal);
  reader.read("name", metric.name);
  reader.choose("type", metric.type);
  reader.read("target", metric.target);
  check_signal_name(node, metric.signal, metric.name, context.problems);
  check_type(node, metric.signal, metric.type, context.problems);
  return metric;
}

HpaScalingPolicy read_scaling(const YamlNode& node, ReadContext context) {
  HpaScalingPolicy policy;
  std::optional<std::int32_t> pods, percent;
  SettingsReader reader(node, hpa_scaling_section, context.problems);
  reader.read("pods", pods);
  reader.read("percent", percent);
  reader.read("period", policy.period);
  if (pods.has_value() == percent.has_value())
    context.problems.error(pods ? "two_units" : "missing", node.at,
                           pods ? "one limit is in pods or in percent, not in both" : "the limit has no value",
                           "write `{pods: 4, period: 15s}` or `{percent: 100, period: 15s}`");
  policy.unit = pods ? HpaScalingUnit::pods : HpaScalingUnit::percent;
  policy.value = pods ? *pods : percent.value_or(0);
  return policy;
}

}  // namespace

constexpr Section hpa_policy_section{"hpa policy",
                                     "services[].policy.hpa",
                                     "Kubernetes' HorizontalPodAutoscaler; bounds are the service's `replicas`, and "
                                     "only a metric of the type average_value or value lets it reach zero.",
                                     hpa_settings,
                                     {},
                                     {}};
constexpr Section hpa_metric_section{
    "hpa metric", "services[].policy.hpa.metrics[]", "A further metric.", hpa_metric_settings, {}, {}};
constexpr Section hpa_scaling_section{"hpa scaling policy",
                                      "services[].policy.hpa.up_policies[]",
                                      "So many replicas, or percent of them, within a period.",
                                      hpa_scaling_settings,
                                      {},
                                      {}};

HpaPolicy read_hpa(const YamlNode& node, ReadContext context) {
  HpaPolicy policy;
  SettingsReader reader(node, hpa_policy_section, context.problems);
  reader.choose("signal", policy.signal);
  reader.read("name", policy.name);
  reader.choose("type", policy.type);
  reader.read("target_average", policy.target_average);
  read_each(reader, "metrics", "begin each with `- signal:`",
            [&](const YamlNode& item) { policy.metrics.push_back(read_hpa_metric(item, context)); });
  reader.read("tolerance", policy.tolerance);
  reader.read("tolerance_up", policy.tolerance_up);
  reader.read("tolerance_down", policy.tolerance_down);
  reader.read("sync_period", policy.sync_period);
  reader.read("metric_delay", policy.metric_delay);
  reader.read("stabilize_up", policy.stabilize_up);
  reader.read("stabilize_down", policy.stabilize_down);
  reader.read("up_percent", policy.up_percent);
  reader.read("up_pods", policy.up_pods);
  reader.read("up_period", policy.up_period);
  reader.choose("up_select", policy.up_select);
  reader.read("down_percent", policy.down_percent);
  reader.read("down_period", policy.down_period);
  reader.choose("down_select", policy.down_select);
  const auto read_policies_of = [&](std::string_view key, std::vector<HpaScalingPolicy>& into) {
    read_each(reader, key, "begin each with `- pods:` or `- percent:`",
              [&](const YamlNode& item) { into.push_back(read_scaling(item, context)); });
  };
  read_policies_of("up_policies", policy.up_policies);
  read_policies_of("down_policies", policy.down_policies);
  check_signal_name(node, policy.signal, policy.name, context.problems);
  check_type(node, policy.signal, policy.type, context.problems);
  return policy;
}

}  // namespace tidegate
