#include "core/policy/peers/hpa_sync.h"

#include <algorithm>

namespace tidegate {
namespace {

HpaReason failure_of(HpaMetricType type) {
  switch (type) {
    case HpaMetricType::resource:
      return HpaReason::failed_get_resource_metric;
    case HpaMetricType::container_resource:
      return HpaReason::failed_get_container_resource_metric;
    case HpaMetricType::pods:
      return HpaReason::failed_get_pods_metric;
    case HpaMetricType::object:
      return HpaReason::failed_get_object_metric;
    case HpaMetricType::external:
      return HpaReason::failed_get_external_metric;
    case HpaMetricType::invalid:
      break;
  }
  return HpaReason::invalid_metric_source_type;
}

bool is_object_or_external(const HpaMetricSeen& metric) {
  return metric.type == HpaMetricType::object || metric.type == HpaMetricType::external;
}

// The largest proposal, or nothing when the metrics do not allow a decision.
bool read_metrics(const HpaRules& rules, const HpaSeen& seen, HpaOutcome& outcome) {
  std::optional<HpaReason> first_failure;
  std::size_t failed = 0;
  for (std::size_t i = 0; i < seen.metrics.size(); ++i) {
    const auto& metric = seen.metrics[i];
    const auto proposal = propose_metric(metric, seen.replicas, seen.status_replicas, rules.tolerance);
    if (!proposal) {
      ++failed;
      if (!first_failure) first_failure = failure_of(metric.type);
      continue;
    }
    if (!outcome.winner || outcome.proposal.replicas == 0 || proposal->replicas > outcome.proposal.replicas) {
      outcome.winner = i;
      outcome.proposal = *proposal;
    }
  }
  const bool lowers = outcome.proposal.replicas < seen.replicas;
  if (failed == seen.metrics.size() || (failed > 0 && lowers && !rules.lowers_on_partial)) {
    outcome.scaling_active = {false, first_failure.value_or(HpaReason::invalid_metric_source_type)};
    return false;
  }
  outcome.scaling_active = {true, HpaReason::valid_metric_found};
  return true;
}

void settle(const HpaRules& rules, HpaLog& log, const HpaSeen& seen, HpaOutcome& outcome) {
  const std::int32_t desired = outcome.proposal.replicas;
  const auto* behavior = rules.behavior;
  const std::int32_t stable = behavior ? stabilize(log.recommendations, seen.now, behavior->up.window,
                                                   behavior->down.window, seen.replicas, desired)
                                       : stabilize(log.recommendations, seen.now, rules.downscale_window, desired);
  if (stable == desired)
    outcome.able_to_scale.reason = HpaReason::ready_for_new_scale;
  else
    outcome.able_to_scale.reason =
        behavior && desired >= seen.replicas ? HpaReason::scale_up_stabilized : HpaReason::scale_down_stabilized;
  const HpaSize size = behavior
                           ? limit(rules.bounds, behavior->up, behavior->down, log, seen.now, seen.replicas, stable)
                           : limit(rules.bounds, rules.scale_up_limit, seen.replicas, stable);
  outcome.scaling_limited = {size.replicas != stable, size.reason};
  outcome.replicas = size.replicas;
}

void rescale(const HpaRules& rules, HpaLog& log, const HpaSeen& seen, HpaOutcome& outcome) {
  const std::int32_t change = outcome.replicas - seen.replicas;
  if (change == 0) return;
  outcome.able_to_scale.reason = HpaReason::succeeded_rescale;
  if (rules.behavior == nullptr) return;
  if (change > 0)
    store_event(rules.behavior->up, log.ups, seen.now, change);
  else
    store_event(rules.behavior->down, log.downs, seen.now, -change);
}

}  // namespace

std::optional<HpaProposal> propose_metric(const HpaMetricSeen& metric, std::int32_t replicas,
                                          std::int32_t status_replicas, HpaTolerance tolerance) {
  if (metric.failed || metric.type == HpaMetricType::invalid) return std::nullopt;
  if (is_object_or_external(metric)) {
    if (metric.target_average)
      return propose_average_value(metric.value, *metric.target_average, status_replicas, tolerance);
    if (metric.target_value) return propose_value(metric.value, *metric.target_value, metric.pods, replicas, tolerance);
    return std::nullopt;
  }
  if (metric.target_average) return propose_pods_average(metric.pods, *metric.target_average, replicas, tolerance);
  if (metric.target_percent && metric.type != HpaMetricType::pods)
    return propose_utilization(metric.pods, *metric.target_percent, replicas, tolerance);
  return std::nullopt;
}

HpaOutcome sync(const HpaRules& rules, HpaLog& log, const HpaSeen& seen) {
  HpaOutcome outcome{.replicas = seen.replicas};
  if (!log.started) {
    log.started = true;
    log.recommendations.push_back({seen.now, seen.replicas});
  }
  const bool may_come_back = seen.scaled_to_zero && (rules.bounds.replicas_min != 0 ||
                                                     std::ranges::any_of(seen.metrics, is_object_or_external));
  if (seen.replicas == 0 && !may_come_back) {
    outcome.scaling_active = {false, HpaReason::scaling_disabled};
    return outcome;
  }
  if (seen.replicas > rules.bounds.replicas_max) {
    outcome.replicas = rules.bounds.replicas_max;
  } else if (seen.replicas > 0 && seen.replicas < rules.bounds.replicas_min) {
    outcome.replicas = rules.bounds.replicas_min;
  } else {
    if (!read_metrics(rules, seen, outcome)) return outcome;
    settle(rules, log, seen, outcome);
    if (seen.replicas == 0) outcome.replicas = std::max(outcome.replicas, rules.bounds.replicas_min);
  }
  rescale(rules, log, seen, outcome);
  return outcome;
}

}  // namespace tidegate
