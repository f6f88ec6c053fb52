#include <fmt/format.h>

#include "serve/config/read_parts.h"

namespace tidegate {

PeerMetric read_metric(const YamlNode& node, ReadContext context) {
  PeerMetric metric;
  SettingsReader reader(node, peer_metric_section, context.problems, SettingsReader::Scope::part);
  reader.choose("signal", metric.signal);
  reader.read("name", metric.name);
  reader.read("per_replica", metric.per_replica);
  check_signal_name(node, metric.signal, metric.name, context.problems);
  return metric;
}

namespace {

AwsTargetTrackingPolicy read_tracking(const YamlNode& node, SettingsReader::Scope scope, ReadContext context) {
  AwsTargetTrackingPolicy policy;
  SettingsReader reader(node, aws_target_tracking_policy_section, context.problems, scope);
  policy.metric = read_metric(node, context);
  reader.read("target_value", policy.target_value);
  reader.choose("scaler", policy.scaler);
  reader.choose("resolution", policy.resolution);
  reader.read("metric_delay", policy.metric_delay);
  reader.read("low_ratio", policy.low_ratio);
  reader.read("instance_warmup", policy.instance_warmup);
  reader.read("scale_out_cooldown", policy.scale_out_cooldown);
  reader.read("scale_in_cooldown", policy.scale_in_cooldown);
  reader.read("disable_scale_in", policy.disable_scale_in);
  return policy;
}

AwsPredictivePolicy read_predictive(const YamlNode& node, ReadContext context) {
  AwsPredictivePolicy policy;
  SettingsReader reader(node, aws_predictive_policy_section, context.problems);
  policy.tracking = read_tracking(node, SettingsReader::Scope::part, context);
  reader.choose("mode", policy.mode);
  reader.read("scheduling_buffer_time", policy.scheduling_buffer_time);
  return policy;
}

void read_steps(SettingsReader& reader, std::string_view key, std::vector<AwsStep>& steps, ReadContext context) {
  const auto* given = reader.node(key);
  if (given && given->kind == YamlKind::list) steps.clear();
  read_each(reader, key, "begin each step with `- adjustment:`", [&](const YamlNode& item) {
    AwsStep step;
    SettingsReader one(item, aws_step_section, context.problems);
    one.read("lower", step.lower);
    one.read("upper", step.upper);
    one.read("adjustment", step.adjustment);
    if (step.lower && step.upper && *step.lower >= *step.upper)
      context.problems.error("min_above_max", one.node("upper")->at, "the step's `upper` is not above its `lower`",
                             "swap them, or leave one out");
    steps.push_back(step);
  });
}

AwsStepPolicy read_step_scaling(const YamlNode& node, ReadContext context) {
  AwsStepPolicy policy;
  SettingsReader reader(node, aws_step_policy_section, context.problems);
  policy.metric = read_metric(node, context);
  reader.read("high_threshold", policy.high_threshold);
  read_steps(reader, "steps_out", policy.steps_out, context);
  reader.read("low_threshold", policy.low_threshold);
  read_steps(reader, "steps_in", policy.steps_in, context);
  reader.choose("adjustment_type", policy.adjustment_type);
  reader.read("min_adjustment_magnitude", policy.min_adjustment_magnitude);
  reader.read("period", policy.period);
  reader.read("evaluation_periods", policy.evaluation_periods);
  reader.read("datapoints_to_alarm", policy.datapoints_to_alarm);
  reader.read("metric_delay", policy.metric_delay);
  reader.read("instance_warmup", policy.instance_warmup);
  if (policy.datapoints_to_alarm > policy.evaluation_periods)
    context.problems.error(
        "min_above_max", place_of(node, "datapoints_to_alarm"),
        fmt::format("{} of {} datapoints can never breach", policy.datapoints_to_alarm, policy.evaluation_periods),
        fmt::format("write {} or fewer", policy.evaluation_periods));
  return policy;
}

GcpPolicy read_gcp(const YamlNode& node, ReadContext context) {
  GcpPolicy policy;
  SettingsReader reader(node, gcp_policy_section, context.problems);
  policy.metric = read_metric(node, context);
  reader.read("utilization_target", policy.utilization_target);
  reader.read("stabilization_period", policy.stabilization_period);
  reader.read("initialization_period", policy.initialization_period);
  reader.read("max_scaled_in_replicas", policy.max_scaled_in_replicas);
  reader.read("scale_in_window", policy.scale_in_window);
  reader.choose("mode", policy.mode);
  reader.read("predictive", policy.predictive);
  reader.read("metric_delay", policy.metric_delay);
  return policy;
}

SageMakerPolicy read_sagemaker(const YamlNode& node, ReadContext context) {
  SageMakerPolicy policy;
  SettingsReader reader(node, sagemaker_policy_section, context.problems);
  reader.read("target_value", policy.target_value);
  reader.choose("resolution", policy.resolution);
  reader.read("metric_delay", policy.metric_delay);
  reader.read("scale_out_cooldown", policy.scale_out_cooldown);
  reader.read("scale_in_cooldown", policy.scale_in_cooldown);
  reader.read("step_cooldown", policy.step_cooldown);
  reader.read("disable_scale_in", policy.disable_scale_in);
  return policy;
}

DynamoPolicy read_dynamo(const YamlNode& node, ReadContext context) {
  DynamoPolicy policy;
  SettingsReader reader(node, dynamo_policy_section, context.problems);
  reader.choose("optimization_target", policy.optimization_target);
  reader.read("enable_throughput_scaling", policy.enable_throughput_scaling);
  reader.read("enable_load_scaling", policy.enable_load_scaling);
  reader.choose("load_predictor", policy.load_predictor);
  reader.read("load_predictor_log1p", policy.load_predictor_log1p);
  reader.read("throughput_adjustment_interval", policy.throughput_adjustment_interval);
  reader.read("load_adjustment_interval", policy.load_adjustment_interval);
  reader.read("load_scaling_down_sensitivity", policy.load_scaling_down_sensitivity);
  reader.read("kv_scale_up", policy.kv_scale_up);
  reader.read("kv_scale_down", policy.kv_scale_down);
  reader.read("engine_rps", policy.engine_rps);
  reader.read("min_endpoint", policy.min_endpoint);
  return policy;
}

WvaPolicy read_wva(const YamlNode& node, ReadContext context) {
  WvaPolicy policy;
  SettingsReader reader(node, wva_policy_section, context.problems);
  reader.choose("analyzer", policy.analyzer);
  reader.read("interval", policy.interval);
  reader.read("metric_delay", policy.metric_delay);
  reader.read("stabilize_up", policy.stabilize_up);
  reader.read("stabilize_down", policy.stabilize_down);
  reader.read("kv_cache_threshold", policy.kv_cache_threshold);
  reader.read("queue_length_threshold", policy.queue_length_threshold);
  reader.read("kv_spare_trigger", policy.kv_spare_trigger);
  reader.read("queue_spare_trigger", policy.queue_spare_trigger);
  reader.read("scale_up_threshold", policy.scale_up_threshold);
  reader.read("scale_down_boundary", policy.scale_down_boundary);
  reader.read("retention", policy.retention);
  return policy;
}

AibrixPolicy read_aibrix(const YamlNode& node, ReadContext context) {
  AibrixPolicy policy;
  SettingsReader reader(node, aibrix_policy_section, context.problems);
  policy.metric = read_metric(node, context);
  reader.choose("strategy", policy.strategy);
  reader.read("target_value", policy.target_value);
  reader.read("sync_period", policy.sync_period);
  reader.read("stable_window", policy.stable_window);
  reader.read("panic_window", policy.panic_window);
  reader.read("panic_threshold", policy.panic_threshold);
  reader.read("max_scale_up_rate", policy.max_scale_up_rate);
  reader.read("max_scale_down_rate", policy.max_scale_down_rate);
  reader.read("tolerance", policy.tolerance);
  reader.read("scale_down_cooldown", policy.scale_down_cooldown);
  reader.read("as_written", policy.as_written);
  reader.read("pending_guard", policy.pending_guard);
  return policy;
}

KeepAlivePolicy read_keep_alive(const YamlNode& node, ReadContext context) {
  KeepAlivePolicy policy;
  SettingsReader reader(node, keep_alive_policy_section, context.problems);
  reader.read("concurrency", policy.concurrency);
  reader.read("utilization", policy.utilization);
  reader.read("window", policy.window);
  reader.read("on_demand", policy.on_demand);
  reader.read("keep", policy.keep);
  reader.read("release", policy.release);
  return policy;
}

}  // namespace

std::optional<PolicySpec> read_cloud_peer(SettingsReader& reader, ReadContext context) {
  std::optional<PolicySpec> policy;
  const auto read_if = [&](std::string_view key, auto read) {
    if (const auto* node = reader.node(key)) policy = read(*node, context);
  };
  read_if("aws_target_tracking",
          [](const YamlNode& node, ReadContext in) { return read_tracking(node, SettingsReader::Scope::whole, in); });
  read_if("aws_step", read_step_scaling);
  read_if("aws_predictive", read_predictive);
  read_if("gcp", read_gcp);
  read_if("sagemaker", read_sagemaker);
  read_if("dynamo", read_dynamo);
  read_if("wva", read_wva);
  read_if("aibrix", read_aibrix);
  read_if("keep_alive", read_keep_alive);
  return policy;
}

}  // namespace tidegate
