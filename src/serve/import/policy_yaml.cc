#include "serve/import/policy_yaml.h"

#include <fmt/format.h>

#include <string>
#include <variant>

#include "core/base/check.h"
#include "serve/config/quantities.h"

namespace tidegate {
namespace {

// Writes a setting where it differs from its default.
class Differences {
 public:
  explicit Differences(YamlWriter& yaml) : yaml_(yaml) {}

  void put(std::string_view key, Duration value, Duration usual) {
    if (value != usual) yaml_.key(key).value(exact_text(value));
  }
  void put(std::string_view key, double value, double usual) {
    if (value != usual) yaml_.key(key).value(value);
  }
  void put(std::string_view key, std::int32_t value, std::int32_t usual) {
    if (value != usual) yaml_.key(key).value(value);
  }
  void put(std::string_view key, bool value, bool usual) {
    if (value != usual) yaml_.key(key).value(value);
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void put(std::string_view key, Enum value, Enum usual) {
    if (value != usual) yaml_.key(key).value(to_text(value));
  }
  void put(std::string_view key, const std::optional<Duration>& value) {
    if (value) yaml_.key(key).value(exact_text(*value));
  }
  void put(std::string_view key, const std::optional<double>& value) {
    if (value) yaml_.key(key).value(*value);
  }
  void put(std::string_view key, const std::string& value) {
    if (!value.empty()) yaml_.key(key).value(value);
  }

 private:
  YamlWriter& yaml_;
};

void write_limits(YamlWriter& yaml, std::string_view key, const std::vector<HpaScalingPolicy>& limits) {
  if (limits.empty()) return;
  yaml.key(key).list();
  for (const auto& limit : limits)
    yaml.raw(fmt::format("{{{}: {}, period: {}}}", limit.unit == HpaScalingUnit::pods ? "pods" : "percent", limit.value,
                         exact_text(limit.period)));
  yaml.end();
}

void write_settings(YamlWriter& yaml, const HpaPolicy& policy) {
  const HpaPolicy usual;
  Differences put(yaml);
  yaml.key("signal").value(to_text(policy.signal));
  put.put("name", policy.name);
  put.put("type", policy.type, usual.type);
  yaml.key("target_average").value(policy.target_average);
  if (!policy.metrics.empty()) {
    yaml.key("metrics").list();
    for (const auto& metric : policy.metrics) {
      yaml.map();
      yaml.key("signal").value(to_text(metric.signal));
      put.put("name", metric.name);
      put.put("type", metric.type, HpaMetric{}.type);
      yaml.key("target").value(metric.target);
      yaml.end();
    }
    yaml.end();
  }
  put.put("tolerance_up", policy.tolerance_up);
  put.put("tolerance_down", policy.tolerance_down);
  put.put("stabilize_up", policy.stabilize_up, usual.stabilize_up);
  put.put("stabilize_down", policy.stabilize_down, usual.stabilize_down);
  write_limits(yaml, "up_policies", policy.up_policies);
  put.put("up_select", policy.up_select, usual.up_select);
  write_limits(yaml, "down_policies", policy.down_policies);
  put.put("down_select", policy.down_select, usual.down_select);
}

void write_settings(YamlWriter& yaml, const KedaPolicy& policy) {
  const KedaPolicy usual;
  const KedaTrigger usual_trigger;
  Differences put(yaml);
  yaml.key("triggers").list();
  for (const auto& trigger : policy.triggers) {
    yaml.map().key("signal").value(to_text(trigger.signal));
    put.put("name", trigger.name);
    yaml.key("threshold").value(trigger.threshold);
    put.put("activation_threshold", trigger.activation_threshold, usual_trigger.activation_threshold);
    put.put("metric_type", trigger.metric_type, usual_trigger.metric_type);
    put.put("ignore_null_values", trigger.ignore_null_values, usual_trigger.ignore_null_values);
    put.put("use_cached_metrics", trigger.use_cached_metrics, usual_trigger.use_cached_metrics);
    yaml.end();
  }
  yaml.end();
  put.put("polling_interval", policy.polling_interval, usual.polling_interval);
  put.put("cooldown_period", policy.cooldown_period, usual.cooldown_period);
  put.put("initial_cooldown_period", policy.initial_cooldown_period, usual.initial_cooldown_period);
  if (policy.idle_replicas) yaml.key("idle_replicas").value(policy.idle_replicas->value());
  if (policy.fallback) {
    yaml.key("fallback").map().key("failure_threshold").value(policy.fallback->failure_threshold);
    yaml.key("replicas").value(policy.fallback->replicas.value());
    put.put("behavior", policy.fallback->behavior, KedaFallback{}.behavior);
    yaml.end();
  }
  put.put("stabilize_up", policy.stabilize_up);
  put.put("stabilize_down", policy.stabilize_down);
}

void write_settings(YamlWriter& yaml, const KnativePolicy& policy) {
  const KnativePolicy usual;
  Differences put(yaml);
  put.put("metric", policy.metric, usual.metric);
  put.put("target", policy.target);
  put.put("container_concurrency", policy.container_concurrency, usual.container_concurrency);
  put.put("target_utilization_percentage", policy.target_utilization_percentage, usual.target_utilization_percentage);
  put.put("target_burst_capacity", policy.target_burst_capacity, usual.target_burst_capacity);
  put.put("window", policy.window, usual.window);
  put.put("panic_window_percentage", policy.panic_window_percentage, usual.panic_window_percentage);
  put.put("panic_threshold_percentage", policy.panic_threshold_percentage, usual.panic_threshold_percentage);
  put.put("scale_down_delay", policy.scale_down_delay, usual.scale_down_delay);
  put.put("scale_to_zero_pod_retention_period", policy.scale_to_zero_pod_retention_period,
          usual.scale_to_zero_pod_retention_period);
  put.put("activation_scale", policy.activation_scale, usual.activation_scale);
  put.put("initial_scale", policy.initial_scale, usual.initial_scale);
  put.put("metric_aggregation_algorithm", policy.metric_aggregation_algorithm, usual.metric_aggregation_algorithm);
}

void write_settings(YamlWriter& yaml, const RayServePolicy& policy) {
  const RayServePolicy usual;
  Differences put(yaml);
  yaml.key("target_ongoing_requests").value(policy.target_ongoing_requests);
  put.put("look_back_period", policy.look_back_period, usual.look_back_period);
  put.put("upscale_delay", policy.upscale_delay, usual.upscale_delay);
  put.put("downscale_delay", policy.downscale_delay, usual.downscale_delay);
  put.put("downscale_to_zero_delay", policy.downscale_to_zero_delay);
  put.put("upscaling_factor", policy.upscaling_factor, usual.upscaling_factor);
  put.put("downscaling_factor", policy.downscaling_factor, usual.downscaling_factor);
  put.put("aggregation_function", policy.aggregation_function, usual.aggregation_function);
  put.put("metrics_interval", policy.metrics_interval, usual.metrics_interval);
}

void write_settings(YamlWriter& yaml, const SchedulePolicy& policy) {
  yaml.key("entries").list();
  for (const auto& entry : policy.entries)
    yaml.map()
        .key("start")
        .value(entry.start.text)
        .key("end")
        .value(entry.end.text)
        .key("min")
        .value(entry.replicas_min.value())
        .end();
  yaml.end();
}

template <class Policy>
void write_settings(YamlWriter&, const Policy&) {
  CHECK(false);  // an import makes no such policy
}

}  // namespace

void write_policy(YamlWriter& yaml, const PolicySpec& policy) {
  yaml.map().key(policy_name(policy)).map();
  std::visit([&](const auto& settings) { write_settings(yaml, settings); }, policy);
  yaml.end().end();
}

}  // namespace tidegate
