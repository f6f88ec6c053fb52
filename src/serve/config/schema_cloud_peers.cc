// The tables of the clouds' and the LLM stacks' auto-scalers, which may act or be shown beside ours.
#include <array>

#include "core/model/peer_specs.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

using enum SettingKind;
using Words = std::string_view;

template <class Enum>
constexpr auto names_of = [] {
  std::array<Words, enum_texts<Enum>.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = enum_texts<Enum>[i].text;
  return names;
}();

consteval Setting span(Words key, Words fallback, Words help, double low = 0) {
  return {key, duration, literal(fallback), help, {.low = low, .high = day_seconds}};
}
consteval Setting amount(Words key, Words fallback, Words help, Words unit = "the metric's") {
  return {key, number, literal(fallback), help, {.unit = unit, .low = 1e-9, .high = 1e12}};
}
consteval Setting ratio(Words key, Words fallback, Words help, double high = 100) {
  return {key, number, literal(fallback), help, {.unit = "ratio", .low = 0.01, .high = high}};
}

constexpr std::array peer_metric_settings{
    Setting{"signal", choice, literal("in_flight"), "the metric", {.choices = names_of<Signal>}},
    Setting{"name", text, otherwise("the signal's name"), "name of a custom signal"},
    Setting{"per_replica", boolean, literal("true"), "the metric is the signal's total over the ready replicas"}};
constexpr std::array with_metric{&peer_metric_section};

constexpr Setting alarm_delay{"metric_delay",
                              duration,
                              otherwise("as long as a period: 60s, 10s in high resolution"),
                              "time from a period's end until its datapoint is seen",
                              {.low = 0, .high = hour_seconds}};
constexpr Setting resolution{"resolution",
                             choice,
                             literal("legacy"),
                             "metrics by the minute or by ten seconds",
                             {.choices = names_of<AwsResolution>}};
constexpr Setting no_scale_in{"disable_scale_in", boolean, literal("false"), "it only adds"};

constexpr std::array aws_target_tracking_settings{
    amount("target_value", "8", "what the metric is kept at"),
    Setting{"scaler",
            choice,
            literal("ec2_auto_scaling"),
            "which of the two services decides",
            {.choices = names_of<AwsScaler>}},
    resolution,
    alarm_delay,
    Setting{"low_ratio", share, otherwise("0.7 for EC2, else 0.9"),
            "the alarm to scale in lies at this share of the target"},
    span("instance_warmup", "5m", "EC2: time until a ready instance counts"),
    span("scale_out_cooldown", "5m", "Application Auto Scaling: time in which only more adds more"),
    span("scale_in_cooldown", "5m", "Application Auto Scaling: time in which nothing more is removed"),
    no_scale_in};

constexpr std::array aws_predictive_settings{Setting{"mode",
                                                     choice,
                                                     literal("forecast_and_scale"),
                                                     "whether the forecast raises or is only shown",
                                                     {.choices = names_of<AwsForecastMode>}},
                                             Setting{"scheduling_buffer_time",
                                                     duration,
                                                     literal("5m"),
                                                     "how long before an hour its forecast holds",
                                                     {.low = 0, .high = hour_seconds}}};
constexpr std::array with_tracking{&aws_target_tracking_policy_section};

constexpr double steps_most = 20;  // of a policy, as AWS' own quota
constexpr std::array aws_step_settings{
    Setting{"lower", number, otherwise("unbounded"), "lower bound, from the threshold", {.unit = "the metric's"}},
    Setting{"upper", number, otherwise("unbounded"), "upper bound, from the threshold", {.unit = "the metric's"}},
    Setting{"adjustment",
            number,
            required(),
            "what to add (negative: remove), or the capacity",
            {.unit = "replicas or percent", .low = -replicas_limit, .high = replicas_limit}}};
constexpr std::array aws_step_shape{Setting{"step", section, required(), "one step", {.section = &aws_step_section}}};
constexpr std::array aws_step_policy_settings{
    amount("high_threshold", "6", "the alarm to scale out rings at or above it"),
    Setting{"steps_out",
            list,
            otherwise("+10 % up to 1 beyond it, +30 % further out"),
            "steps above it",
            {.high = steps_most, .shapes = aws_step_shape}},
    amount("low_threshold", "4", "the alarm to scale in rings at or below it"),
    Setting{"steps_in",
            list,
            otherwise("-10 % up to 1 beyond it, -30 % further out"),
            "steps below it",
            {.high = steps_most, .shapes = aws_step_shape}},
    Setting{"adjustment_type",
            choice,
            literal("percent_change_in_capacity"),
            "what an adjustment counts",
            {.choices = names_of<AwsAdjustment>}},
    Setting{"min_adjustment_magnitude",
            integer,
            literal("0"),
            "least change by percent",
            {.unit = "replicas", .low = 0, .high = replicas_limit}},
    span("period", "1m", "length of a datapoint", 1),
    Setting{"evaluation_periods",
            integer,
            literal("3"),
            "datapoints an alarm looks at",
            {.unit = "datapoints", .low = 1, .high = 100}},
    Setting{"datapoints_to_alarm",
            integer,
            literal("3"),
            "of them must breach",
            {.unit = "datapoints", .low = 1, .high = 100}},
    span("metric_delay", "1m", "time from a period's end until its datapoint is seen"),
    span("instance_warmup", "5m", "time until a ready instance counts")};

constexpr std::array gcp_settings{
    amount("utilization_target", "8", "what a VM's utilisation is kept at"),
    span("stabilization_period", "10m", "the highest need of this time keeps VMs"),
    span("initialization_period", "1m", "how far ahead the forecast looks"),
    Setting{"max_scaled_in_replicas",
            integer,
            otherwise("no control"),
            "most VMs removed within `scale_in_window`",
            {.unit = "replicas", .low = 0, .high = replicas_limit}},
    span("scale_in_window", "10m", "time over which the scale-in control looks back", 1),
    Setting{"mode", choice, literal("on"), "what it may do", {.choices = names_of<GcpMode>}},
    Setting{"predictive", boolean, literal("false"), "a forecast from days of history may raise"},
    span("metric_delay", "1m", "time from a minute's end until its mean is seen")};

constexpr std::array sagemaker_settings{amount("target_value", "5", "backlog kept per instance", "requests"),
                                        resolution,
                                        alarm_delay,
                                        span("scale_out_cooldown", "5m", "time in which only more adds more"),
                                        span("scale_in_cooldown", "5m", "time in which nothing more is removed"),
                                        span("step_cooldown", "5m", "time between steps out of zero"),
                                        no_scale_in};

constexpr std::array dynamo_settings{
    Setting{"optimization_target",
            choice,
            literal("throughput"),
            "fixed thresholds, your own (`load`), or the SLO (`sla`)",
            {.choices = names_of<DynamoTarget>}},
    Setting{"enable_throughput_scaling", boolean, literal("true"),
            "with `sla`: the loop that forecasts the next interval"},
    Setting{"enable_load_scaling", boolean, literal("false"), "with `sla`: the loop that adds and removes one"},
    Setting{"load_predictor", choice, literal("arima"), "how it forecasts", {.choices = names_of<DynamoPredictor>}},
    Setting{"load_predictor_log1p", boolean, literal("false"), "forecast on a logarithmic scale"},
    span("throughput_adjustment_interval", "3m", "time between forecasts", 1),
    span("load_adjustment_interval", "5s", "time between looks at the load", 1),
    Setting{"load_scaling_down_sensitivity", share, literal("0.8"),
            "share of the SLO the rest must keep to remove one"},
    ratio("kv_scale_up", "1", "with `load`: one more above this share of the KV cache"),
    ratio("kv_scale_down", "0.6", "with `load`: one fewer below it"),
    Setting{"engine_rps",
            number,
            otherwise("the learned capacity"),
            "what one replica serves within the SLO",
            {.unit = "requests per second", .low = 1e-6, .high = 1e6}},
    Setting{"min_endpoint",
            integer,
            literal("1"),
            "least replicas",
            {.unit = "replicas", .low = 0, .high = replicas_limit}}};

constexpr std::array wva_settings{
    Setting{"analyzer", choice, literal("saturation_v1"), "what it computes with", {.choices = names_of<WvaAnalyzer>}},
    span("interval", "1m", "time between analyses", 1),
    span("metric_delay", "30s", "time until its answer is seen"),
    Setting{
        "stabilize_up", duration, literal("2m"), "window of the HPA before raising", {.low = 0, .high = hour_seconds}},
    Setting{"stabilize_down",
            duration,
            literal("2m"),
            "window of the HPA before lowering",
            {.low = 0, .high = hour_seconds}},
    ratio("kv_cache_threshold", "0.8", "share of the KV cache at which a replica is saturated", 1),
    amount("queue_length_threshold", "5", "queue at which a replica is saturated", "requests"),
    ratio("kv_spare_trigger", "0.1", "less KV cache to spare adds one", 1),
    amount("queue_spare_trigger", "3", "less queue to spare adds one", "requests"),
    ratio("scale_up_threshold", "0.85", "saturation_v2: utilisation that asks for more", 1),
    ratio("scale_down_boundary", "0.7", "saturation_v2: utilisation that leaves some to spare", 1),
    Setting{"retention",
            duration,
            otherwise("never"),
            "to zero after so long without a request",
            {.low = 1, .high = day_seconds}}};

constexpr std::array aibrix_settings{
    Setting{"strategy", choice, literal("apa"), "which of its two", {.choices = names_of<AibrixStrategy>}},
    amount("target_value", "8", "what the metric is kept at per pod"),
    span("sync_period", "10s", "time between its decisions", 1),
    span("stable_window", "3m", "kpa: window of the steady mean", 1),
    span("panic_window", "1m", "kpa: window of the quick mean", 1),
    ratio("panic_threshold", "2", "kpa: panics when the quick mean wants so many times the pods"),
    Setting{"max_scale_up_rate",
            number,
            literal("2"),
            "most growth in one decision",
            {.unit = "times", .low = 1, .high = 1000}},
    Setting{"max_scale_down_rate",
            number,
            literal("2"),
            "most shrinking in one decision",
            {.unit = "times", .low = 1, .high = 1000}},
    Setting{"tolerance", share, literal("0.1"), "apa: deviation that changes nothing"},
    Setting{"scale_down_cooldown",
            duration,
            literal("5m"),
            "time an answer is remembered when lowering",
            {.low = 0, .high = hour_seconds}},
    Setting{"as_written", boolean, literal("true"), "with the defects of the code, or as it was meant"},
    Setting{"pending_guard", boolean, literal("false"), "count starting pods (since September 2026)"}};

constexpr std::array keep_alive_settings{
    Setting{"concurrency",
            number,
            otherwise("the learned slots"),
            "requests a replica serves at once",
            {.unit = "requests", .low = 1e-6, .high = 1e6}},
    ratio("utilization", "1", "share of that which is planned for", 1),
    Setting{"window", duration, literal("0s"), "the load is averaged over", {.low = 0, .high = hour_seconds}},
    Setting{"on_demand", boolean, literal("true"), "never fewer than the load of the moment fills"},
    span("keep", "10m", "how long what is idle is kept"),
    Setting{"release", share, literal("1"), "share of the excess given up at a time"}};

}  // namespace

constexpr Section peer_metric_section{"peer metric",
                                      "services[].policy.*",
                                      "What a peer measures; stands among its settings.",
                                      peer_metric_settings,
                                      {},
                                      {}};
constexpr Section aws_target_tracking_policy_section{
    "aws_target_tracking policy",
    "services[].policy.aws_target_tracking",
    "AWS target tracking, of EC2 Auto Scaling groups or of Application Auto Scaling.",
    aws_target_tracking_settings,
    with_metric,
    {}};
constexpr Section aws_step_policy_section{"aws_step policy",
                                          "services[].policy.aws_step",
                                          "AWS step scaling: two alarms with steps.",
                                          aws_step_policy_settings,
                                          with_metric,
                                          {}};
constexpr Section aws_step_section{"aws step",
                                   "services[].policy.aws_step.steps_out[]",
                                   "One step; the first whose bounds hold is taken.",
                                   aws_step_settings,
                                   {},
                                   {}};
constexpr Section aws_predictive_policy_section{"aws_predictive policy",
                                                "services[].policy.aws_predictive",
                                                "AWS predictive scaling beside target tracking.",
                                                aws_predictive_settings,
                                                with_tracking,
                                                {}};
constexpr Section gcp_policy_section{"gcp policy",
                                     "services[].policy.gcp",
                                     "The autoscaler of a Google Cloud managed instance group.",
                                     gcp_settings,
                                     with_metric,
                                     {}};
constexpr Section sagemaker_policy_section{"sagemaker policy",
                                           "services[].policy.sagemaker",
                                           "SageMaker's backlog per instance, with a step out of zero.",
                                           sagemaker_settings,
                                           {},
                                           {}};
constexpr Section dynamo_policy_section{
    "dynamo policy", "services[].policy.dynamo", "The NVIDIA Dynamo planner.", dynamo_settings, {}, {}};
constexpr Section wva_policy_section{"wva policy",
                                     "services[].policy.wva",
                                     "The llm-d Workload Variant Autoscaler and the HPA behind it.",
                                     wva_settings,
                                     {},
                                     {}};
constexpr Section aibrix_policy_section{
    "aibrix policy", "services[].policy.aibrix", "AIBrix's PodAutoscaler.", aibrix_settings, with_metric, {}};
constexpr Section keep_alive_policy_section{"keep_alive policy",
                                            "services[].policy.keep_alive",
                                            "Follows the need at once and keeps what is idle for a while.",
                                            keep_alive_settings,
                                            {},
                                            {}};

}  // namespace tidegate
