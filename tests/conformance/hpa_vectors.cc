// Kubernetes' HorizontalPodAutoscaler: rows of hpa.jsonl against core/policy/peers/hpa_*.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/policy/peers/hpa_sync.h"
#include "core/policy/peers/milli.h"
#include "vectors.h"

namespace tidegate {
namespace {

const Instant now = instant_at(1e9);
const Instant long_ago = instant_at(0);  // an age of null

bool is_given(const Json& row, const char* key) { return row.contains(key) && !row.at(key).is_null(); }

template <class T>
std::optional<T> optional_of(const Json& row, const char* key) {
  return is_given(row, key) ? std::optional{row.at(key).get<T>()} : std::nullopt;
}

Duration duration_of(const Json& row, const char* key) { return from_seconds(row.value(key, 0.0)); }

Instant instant_of(const Json& row, const char* key) {
  return is_given(row, key) ? now - from_seconds(row.at(key).get<double>()) : long_ago;
}

HpaPhase phase_of(const std::string& text) {
  if (text == "Pending") return HpaPhase::pending;
  if (text == "Succeeded") return HpaPhase::succeeded;
  return text == "Failed" ? HpaPhase::failed : HpaPhase::running;
}

HpaPod pod_of(const Json& row) {
  HpaPod pod{.phase = phase_of(row.value("phase", "Running")), .deleting = row.value("deleting", false)};
  if (is_given(row, "ready_condition")) pod.ready = row.at("ready_condition") == "True";
  pod.ready_changed = instant_of(row, "ready_transition_age_s");
  if (row.value("start_time_set", true)) pod.started = instant_of(row, "start_age_s");
  pod.request = optional_of<std::int64_t>(row, "request_milli");
  if (const auto value = optional_of<std::int64_t>(row, "metric_milli"))
    pod.sample = HpaSample{*value, instant_of(row, "metric_age_s"),
                           is_given(row, "metric_window_s") ? duration_of(row, "metric_window_s") : Duration{}};
  return pod;
}

std::vector<HpaPod> pods_of(const Json& input) {
  std::vector<HpaPod> pods;
  for (const auto& row : input.at("pods")) pods.push_back(pod_of(row));
  return pods;
}

HpaReadiness readiness_of(const Json& input, std::string_view resource) {
  return {.is_cpu = resource == "cpu",
          .cpu_initialization = duration_of(input, "cpu_initialization_period_s"),
          .readiness_delay = duration_of(input, "initial_readiness_delay_s")};
}

HpaTolerance tolerance_of(const Json& input) {
  return {input.at("tolerance_up").get<double>(), input.at("tolerance_down").get<double>()};
}

std::vector<std::int64_t> integers_of(const Json& row, const char* key) {
  return is_given(row, key) ? row.at(key).get<std::vector<std::int64_t>>() : std::vector<std::int64_t>{};
}

HpaScalingRules rules_of(const Json& given, HpaScalingRules rules) {
  if (given.is_null()) return rules;
  if (is_given(given, "stabilization_window_s")) rules.window = duration_of(given, "stabilization_window_s");
  if (is_given(given, "select_policy")) {
    const auto select = given.at("select_policy").get<std::string>();
    rules.select = select == "Disabled" ? HpaSelect::disabled : select == "Min" ? HpaSelect::min : HpaSelect::max;
  }
  if (!is_given(given, "policies")) return rules;
  rules.policies.clear();
  for (const auto& row : given.at("policies"))
    rules.policies.push_back({.unit = row.at("type") == "Pods" ? HpaScalingUnit::pods : HpaScalingUnit::percent,
                              .value = row.at("value").get<std::int32_t>(),
                              .period = duration_of(row, "period_s")});
  return rules;
}

std::vector<HpaScaleEvent> events_of(const Json& rows) {
  std::vector<HpaScaleEvent> events;
  for (const auto& row : rows)
    events.push_back(
        {instant_of(row, "age_s"), row.at("replica_change").get<std::int32_t>(), row.value("outdated", false)});
  return events;
}

std::vector<HpaRecommendation> recommendations_of(const Json& rows) {
  std::vector<HpaRecommendation> log;
  for (const auto& row : rows) log.push_back({instant_of(row, "age_s"), row.at("replicas").get<std::int32_t>()});
  return log;
}

HpaLog log_of(const Json& input) {
  return {.started = true,
          .ups = events_of(input.at("scale_up_events")),
          .downs = events_of(input.at("scale_down_events"))};
}

// ---- replica_calc

// "resource_utilization", "pods_average_value", "object_value", "external_average_value", ...
HpaMetricSeen metric_of(const Json& input) {
  const auto type = input.at("metric_type").get<std::string>();
  const auto resource = input.value("resource", "");
  HpaMetricSeen metric{.failed = is_given(input, "metrics_error")};
  const auto target = [&] { return input.at("target_milli").get<std::int64_t>(); };
  if (type == "resource_utilization") {
    metric.type = HpaMetricType::resource;
    metric.target_percent = input.at("target_utilization_pct").get<std::int32_t>();
  } else if (type.ends_with("_average_value")) {
    metric.target_average = target();
  } else {
    metric.target_value = target();
  }
  if (type.starts_with("resource_average")) metric.type = HpaMetricType::resource;
  if (type.starts_with("object")) metric.type = HpaMetricType::object;
  if (type.starts_with("external")) metric.type = HpaMetricType::external;
  std::vector<std::int64_t> strangers;
  if (is_given(input, "metrics_for_unknown_pods_milli"))
    for (const auto& value : input.at("metrics_for_unknown_pods_milli")) strangers.push_back(value.get<std::int64_t>());
  metric.pods =
      sum_pods(pods_of(input), strangers, readiness_of(input, resource), metric.target_percent.value_or(0), now);
  metric.value = sum_series(integers_of(input, "values_milli"));
  return metric;
}

Differences check_replica_calc(const Json& row) {
  const auto& input = row.at("input");
  const auto& expected = row.at("expected");
  const auto current = input.at("current_replicas").get<std::int32_t>();
  const auto proposal = propose_metric(metric_of(input), current, current, tolerance_of(input));
  Differences found;
  found.truth("error", !proposal, expected.value("error", false));
  if (!proposal) return found;
  if (expected.contains("replicas")) found.integer("replicas", proposal->replicas, expected.at("replicas"));
  if (expected.contains("utilization_pct"))
    found.integer("utilization_pct", proposal->utilization, expected.at("utilization_pct"));
  if (expected.contains("raw_average_milli"))
    found.integer("raw_average_milli", proposal->usage, expected.at("raw_average_milli"));
  if (expected.contains("usage_milli")) found.integer("usage_milli", proposal->usage, expected.at("usage_milli"));
  return found;
}

Differences check_group_pods(const Json& row) {
  const auto& input = row.at("input");
  const auto readiness = readiness_of(input, input.value("resource", ""));
  std::int64_t ready = 0;
  std::vector<std::string> unready, missing, ignored;
  for (const auto& pod : input.at("pods")) {
    const auto name = pod.at("name").get<std::string>();
    switch (classify(pod_of(pod), readiness, now)) {
      case HpaPodClass::ready:
        ++ready;
        break;
      case HpaPodClass::unready:
        unready.push_back(name);
        break;
      case HpaPodClass::missing:
        missing.push_back(name);
        break;
      case HpaPodClass::ignored:
        ignored.push_back(name);
        break;
    }
  }
  Differences found;
  const auto same_names = [&](const char* key, std::vector<std::string> got) {
    auto want = row.at("expected").at(key).get<std::vector<std::string>>();
    std::ranges::sort(got);
    std::ranges::sort(want);
    found.json(key, got, want);
  };
  found.integer("ready_count", ready, row.at("expected").at("ready_count"));
  same_names("unready", unready);
  same_names("missing", missing);
  same_names("ignored", ignored);
  return found;
}

Differences check_per_pod_usage(const Json& row) {
  const auto& input = row.at("input");
  Differences found;
  found.integer("value",
                usage_per_pod(input.at("usage").get<std::int64_t>(), input.at("status_replicas").get<std::int32_t>()),
                row.at("expected").at("value"));
  return found;
}

// ---- stabilise and limit

Differences compare_size(HpaSize size, const Json& expected) {
  Differences found;
  found.integer("replicas", size.replicas, expected.at("replicas"));
  found.text("reason", to_text(size.reason), expected.at("reason"));
  return found;
}

HpaBounds bounds_of(const Json& input) {
  return {input.at("min_replicas").get<std::int32_t>(), input.at("max_replicas").get<std::int32_t>()};
}

HpaScaleUpLimit scale_up_limit_of(const Json& input) {
  return {input.at("scale_up_limit_factor").get<std::int32_t>(),
          input.at("scale_up_limit_minimum").get<std::int32_t>()};
}

Differences check_convert_no_behavior(const Json& row) {
  const auto& input = row.at("input");
  return compare_size(
      limit(bounds_of(input), scale_up_limit_of(input), input.at("current_replicas").get<std::int32_t>(),
            input.at("desired_in").get<std::int32_t>()),
      row.at("expected"));
}

Differences check_stabilize_no_behavior(const Json& row) {
  const auto& input = row.at("input");
  auto log = recommendations_of(input.at("recommendations"));
  const auto replicas = stabilize(log, now, duration_of(input, "window_s"), input.at("desired_in").get<std::int32_t>());
  Differences found;
  found.integer("replicas", replicas, row.at("expected").at("replicas"));
  found.integer("log_length", static_cast<std::int64_t>(log.size()), row.at("expected").at("log_length"));
  return found;
}

Differences check_stabilize_behavior(const Json& row) {
  const auto& input = row.at("input");
  auto log = recommendations_of(input.at("recommendations"));
  const auto replicas =
      stabilize(log, now, duration_of(input, "scale_up_window_s"), duration_of(input, "scale_down_window_s"),
                input.at("current_replicas").get<std::int32_t>(), input.at("desired_in").get<std::int32_t>());
  Differences found;
  found.integer("replicas", replicas, row.at("expected").at("replicas"));
  Json stored = Json::array();
  for (const auto& one : log) stored.push_back(one.replicas);
  found.json("stored_recommendations", stored, row.at("expected").at("stored_recommendations"));
  return found;
}

Differences check_rate_limit_behavior(const Json& row) {
  const auto& input = row.at("input");
  return compare_size(
      limit(bounds_of(input), rules_of(input.at("scale_up"), {}), rules_of(input.at("scale_down"), {}), log_of(input),
            now, input.at("current_replicas").get<std::int32_t>(), input.at("desired_in").get<std::int32_t>()),
      row.at("expected"));
}

Differences check_scale_limit(const Json& row) {
  const auto& input = row.at("input");
  const auto rules = rules_of(input.at("rules"), {});
  const auto current = input.at("current_replicas").get<std::int32_t>();
  Differences found;
  found.integer("limit",
                input.at("direction") == "up" ? limit_up(rules, log_of(input), now, current)
                                              : limit_down(rules, log_of(input), now, current),
                row.at("expected").at("limit"));
  return found;
}

Differences check_store_scale_event(const Json& row) {
  const auto& input = row.at("input");
  auto events = events_of(input.at("prev_events"));
  Differences found;
  found.integer("change_in_period_before", changed_within(events, now, duration_of(input, "query_period_s")),
                row.at("expected").at("change_in_period_before"));
  // Without rules there is no behavior, and an HPA without behavior keeps no events.
  if (is_given(input, "rules"))
    store_event(rules_of(input.at("rules"), {}), events, now, input.at("new_change").get<std::int32_t>());
  Json after = Json::array();
  for (const auto& event : events) after.push_back({{"outdated", event.outdated}, {"replica_change", event.change}});
  found.json("events_after", after, row.at("expected").at("events_after"));
  return found;
}

// ---- reconcile

HpaMetricType type_of(const std::string& text) {
  if (text == "resource") return HpaMetricType::resource;
  if (text == "container_resource") return HpaMetricType::container_resource;
  if (text == "pods") return HpaMetricType::pods;
  if (text == "object") return HpaMetricType::object;
  return text == "external" ? HpaMetricType::external : HpaMetricType::invalid;
}

// The pods of the sync with this metric's samples.
std::vector<HpaPod> sampled_pods(const Json& input, const Json& metric) {
  auto pods = pods_of(input);
  const auto at = [&](const char* key, std::size_t i) -> std::optional<std::int64_t> {
    if (!is_given(metric, key) || i >= metric.at(key).size() || metric.at(key)[i].is_null()) return std::nullopt;
    return metric.at(key)[i].get<std::int64_t>();
  };
  for (std::size_t i = 0; i < pods.size(); ++i) {
    pods[i].sample.reset();
    if (const auto value = at("pod_values_milli", i))
      pods[i].sample =
          HpaSample{*value, now - duration_of(metric, "metric_age_s"), duration_of(metric, "metric_window_s")};
    if (is_given(metric, "container_request_milli")) pods[i].request = at("container_request_milli", i);
  }
  return pods;
}

HpaMetricSeen seen_metric_of(const Json& input, const Json& given) {
  HpaMetricSeen metric{.type = type_of(given.at("type").get<std::string>()), .failed = is_given(given, "fetch_error")};
  const auto target = given.value("target", Json::object());
  metric.target_percent = optional_of<std::int32_t>(target, "average_utilization_pct");
  metric.target_average = optional_of<std::int64_t>(target, "average_value_milli");
  metric.target_value = optional_of<std::int64_t>(target, "value_milli");
  if (target.value("target_type", "") == "Value") metric.target_average.reset();
  const auto resource = given.value("resource", "");
  metric.pods = sum_pods(sampled_pods(input, given), integers_of(given, "unknown_pod_values_milli"),
                         readiness_of(input, resource), metric.target_percent.value_or(0), now);
  const auto values = integers_of(given, "values_milli");
  const bool is_of_the_whole = metric.type == HpaMetricType::object || metric.type == HpaMetricType::external;
  if (is_of_the_whole && values.empty()) metric.failed = true;
  metric.value = sum_series(values);
  return metric;
}

Json conditions_of(const HpaOutcome& outcome) {
  Json conditions = Json::object();
  const auto add = [&](const char* name, const std::optional<HpaCondition>& condition) {
    if (condition)
      conditions[name] = {{"status", condition->status ? "True" : "False"}, {"reason", to_text(condition->reason)}};
  };
  add("AbleToScale", outcome.able_to_scale);
  add("ScalingActive", outcome.scaling_active);
  add("ScalingLimited", outcome.scaling_limited);
  return conditions;
}

void play_reconcile(const Json& input, const Json& expected, bool is_v1_20, Differences& found) {
  std::vector<HpaMetricSeen> metrics;
  for (const auto& given : input.at("metrics")) metrics.push_back(seen_metric_of(input, given));
  HpaBehavior behavior;
  const auto& given = input.at("behavior");
  if (!given.is_null()) {
    behavior.down.window = duration_of(input, "downscale_stabilization_s");
    behavior.up = rules_of(given.value("scale_up", Json{}), behavior.up);
    behavior.down = rules_of(given.value("scale_down", Json{}), behavior.down);
  }
  const HpaRules rules{.bounds = bounds_of(input),
                       .tolerance = tolerance_of(input),
                       .behavior = given.is_null() ? nullptr : &behavior,
                       .downscale_window = duration_of(input, "downscale_stabilization_s"),
                       .scale_up_limit = scale_up_limit_of(input),
                       .lowers_on_partial = is_v1_20};
  HpaLog log{.started = input.at("recommendations_preset").get<bool>(),
             .recommendations = recommendations_of(input.at("recommendations"))};
  const auto outcome = sync(rules, log,
                            {.now = now,
                             .replicas = input.at("spec_replicas").get<std::int32_t>(),
                             .status_replicas = input.at("status_replicas").get<std::int32_t>(),
                             .scaled_to_zero = input.value("scaled_to_zero_condition", false),
                             .metrics = metrics});
  const std::string version = is_v1_20 ? "v1.20 " : "";
  found.integer(version + "desired_replicas", outcome.replicas, expected.at("desired_replicas"));
  const auto conditions = conditions_of(outcome);
  const auto wanted = expected.value("conditions", Json::object());
  for (const auto& [name, want] : wanted.items())
    found.json(version + name, conditions.value(name, Json{}), want);
}

Differences check_reconcile(const Json& row) {
  Differences found;
  play_reconcile(row.at("input"), row.at("expected"), false, found);
  if (is_given(row, "expected_v1_20")) play_reconcile(row.at("input"), row.at("expected_v1_20"), true, found);
  return found;
}

}  // namespace

std::span<const VectorKind> hpa_vectors() {
  static constexpr std::array kinds{VectorKind{"replica_calc", check_replica_calc},
                                    VectorKind{"group_pods", check_group_pods},
                                    VectorKind{"per_pod_usage", check_per_pod_usage},
                                    VectorKind{"convert_no_behavior", check_convert_no_behavior},
                                    VectorKind{"stabilize_no_behavior", check_stabilize_no_behavior},
                                    VectorKind{"stabilize_behavior", check_stabilize_behavior},
                                    VectorKind{"rate_limit_behavior", check_rate_limit_behavior},
                                    VectorKind{"scale_limit", check_scale_limit},
                                    VectorKind{"store_scale_event", check_store_scale_event},
                                    VectorKind{"reconcile", check_reconcile}};
  return kinds;
}

}  // namespace tidegate
