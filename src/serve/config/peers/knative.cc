// The settings of Knative's pod autoscaler, and how they are read.
#include <array>

#include "serve/config/read_parts.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

using enum SettingKind;

constexpr std::array metrics{std::string_view{"concurrency"}, std::string_view{"rps"}};
constexpr std::array knative_aggregations{std::string_view{"linear"}, std::string_view{"weighted_exponential"}};
constexpr std::array knative_settings{
    Setting{"metric", choice, literal("concurrency"), "requests at once, or a second", {.choices = metrics}},
    Setting{"target",
            number,
            otherwise("100 requests at once, or 200 a second"),
            "what a replica can take",
            {.unit = "requests, or requests per second", .low = 0.01, .high = 1e9}},
    Setting{"container_concurrency",
            integer,
            literal("0"),
            "requests a replica takes at once at most; 0 is no limit",
            {.unit = "requests", .low = 0, .high = 1e6}},
    Setting{"target_utilization_percentage",
            number,
            literal("70"),
            "part of the target that is planned with",
            {.unit = "percent", .low = 1, .high = 100}},
    Setting{"target_burst_capacity",
            number,
            literal("211"),
            "burst below which traffic goes through the activator; -1 is always",
            {.unit = "requests", .low = -1, .high = 1e9}},
    Setting{"window", duration, literal("60s"), "the stable window", {.low = 6, .high = hour_seconds}},
    Setting{"panic_window_percentage",
            number,
            literal("10"),
            "the panic window as a part of the stable one",
            {.unit = "percent", .low = 1, .high = 100}},
    Setting{"panic_threshold_percentage",
            number,
            literal("200"),
            "replicas wanted over those ready at which panic begins",
            {.unit = "percent", .low = 110, .high = 1000}},
    Setting{"max_scale_up_rate",
            number,
            literal("1000"),
            "most times the ready replicas that are asked for",
            {.unit = "times", .low = 1.001, .high = 1e6}},
    Setting{"max_scale_down_rate",
            number,
            literal("2"),
            "most times fewer than the ready replicas",
            {.unit = "times", .low = 1.001, .high = 1e6}},
    Setting{"scale_down_delay",
            duration,
            literal("0s"),
            "time over which the highest wish counts",
            {.low = 0, .high = hour_seconds}},
    Setting{"enable_scale_to_zero", boolean, literal("true"), "the last replica may go"},
    Setting{"scale_to_zero_grace_period",
            duration,
            literal("30s"),
            "how long the last replica stays once nothing comes",
            {.low = 0, .high = hour_seconds}},
    Setting{"scale_to_zero_pod_retention_period",
            duration,
            literal("0s"),
            "the same, whatever the activator does",
            {.low = 0, .high = hour_seconds}},
    Setting{"activation_scale",
            integer,
            literal("1"),
            "least replicas when there is any load",
            {.unit = "replicas", .low = 1, .high = replicas_limit}},
    Setting{"initial_scale",
            integer,
            literal("1"),
            "least replicas until so many were ready once",
            {.unit = "replicas", .low = 0, .high = replicas_limit}},
    Setting{"progress_deadline",
            duration,
            literal("10m"),
            "how long a first replica may take to be ready",
            {.low = 1, .high = day_seconds}},
    Setting{"metric_aggregation_algorithm",
            choice,
            literal("linear"),
            "mean of a window, or weighted towards the newest",
            {.choices = knative_aggregations}}};

}  // namespace

constexpr Section knative_policy_section{"knative policy",
                                         "services[].policy.knative",
                                         "Knative Serving's pod autoscaler; min-scale and max-scale are the service's "
                                         "`replicas`.",
                                         knative_settings,
                                         {},
                                         {}};

KnativePolicy read_knative(const YamlNode& node, ReadContext context) {
  KnativePolicy policy;
  SettingsReader reader(node, knative_policy_section, context.problems);
  reader.choose("metric", policy.metric);
  reader.read("target", policy.target);
  reader.read("container_concurrency", policy.container_concurrency);
  reader.read("target_utilization_percentage", policy.target_utilization_percentage);
  reader.read("target_burst_capacity", policy.target_burst_capacity);
  reader.read("window", policy.window);
  reader.read("panic_window_percentage", policy.panic_window_percentage);
  reader.read("panic_threshold_percentage", policy.panic_threshold_percentage);
  reader.read("max_scale_up_rate", policy.max_scale_up_rate);
  reader.read("max_scale_down_rate", policy.max_scale_down_rate);
  reader.read("scale_down_delay", policy.scale_down_delay);
  reader.read("enable_scale_to_zero", policy.enable_scale_to_zero);
  reader.read("scale_to_zero_grace_period", policy.scale_to_zero_grace_period);
  reader.read("scale_to_zero_pod_retention_period", policy.scale_to_zero_pod_retention_period);
  reader.read("activation_scale", policy.activation_scale);
  reader.read("initial_scale", policy.initial_scale);
  reader.read("progress_deadline", policy.progress_deadline);
  reader.choose("metric_aggregation_algorithm", policy.metric_aggregation_algorithm);
  return policy;
}

}  // namespace tidegate
