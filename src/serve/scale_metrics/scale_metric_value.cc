#include "serve/scale_metrics/scale_metric_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serve/runtime/evidence.h"

namespace tidegate {
namespace {

using Value = Result<ScaleMetricValue>;

std::string trouble_of(const Reading& reading) {
  switch (reading.quality) {
    case Quality::stale:
      return fmt::format("is stale: its newest sample is {} old", to_text(reading.age));
    case Quality::nan:
      return "is not a number now";
    case Quality::error:
      return "cannot be read: its source fails";
    case Quality::absent:
    case Quality::fresh:
      break;
  }
  return "is not measured";
}

Value value_of(const Reading& reading, std::string_view name, const ServiceView& service) {
  if (!reading.is_fresh() || !std::isfinite(reading.value))
    return fail(ErrorKind::unreachable, fmt::format("{} of {} {}", name, service.spec->name, trouble_of(reading)));
  return ScaleMetricValue{reading.value, service.seen.now - reading.age};
}

Value sum_of(const Reading& one, const Reading& other, std::string_view name, const ServiceView& service) {
  const auto first = value_of(one, name, service), second = value_of(other, name, service);
  if (!first) return first;
  if (!second) return second;
  return ScaleMetricValue{first->value + second->value, std::min(first->measured, second->measured)};
}

bool says_what_is_missing(Reason reason) {
  return reason == Reason::no_data || reason == Reason::signals_stale || reason == Reason::signals_error ||
         reason == Reason::signals_partial;
}

Result<void> check_grounds(const ServiceView& service) {
  const auto& manual = service.steering.manual;
  if (manual && manual->kind == OverrideKind::pin) return {};
  for (const auto& pool : service.seen.pools)
    if (pool.committed() > Replicas{0}) return {};
  if (service.steering.pause)
    return fail(ErrorKind::unreachable,
                fmt::format("{} is paused and no replica of it is seen, so no size is known", service.spec->name));
  const Reason ceiling = service.decision.band.ceiling_reason;
  if (!says_what_is_missing(ceiling)) return {};
  return fail(ErrorKind::unreachable,
              fmt::format("{} has no evidence of its load ({}) and sees no replica, so no size is known",
                          service.spec->name, to_text(ceiling)));
}

// Follows from the decision, which stands for as long as it is renewed.
Value decided(double value, const ServiceView& service) {
  if (auto grounds = check_grounds(service); !grounds) return std::unexpected(grounds.error());
  return ScaleMetricValue{value, service.decision.now};
}

Value decided_rate(double value, std::string_view name, const ServiceView& service) {
  if (!has_evidence(service.decision))
    return fail(ErrorKind::unreachable, fmt::format("{} of {} is not known: nothing fresh says how much load there is",
                                                    name, service.spec->name));
  return ScaleMetricValue{value, service.decision.now};
}

Value desired(const ServiceView& service, const std::string& pool) {
  if (pool.empty()) return decided(service.decision.total().value(), service);
  const auto& pools = service.decision.pools;
  const auto found = std::ranges::find(pools, pool, &PoolDecision::pool);
  if (found != pools.end()) return decided(found->replicas.value(), service);
  std::string known;
  for (const auto& one : pools) known += (known.empty() ? "" : ", ") + one.pool;
  return fail(ErrorKind::not_found, fmt::format("no pool '{}' in {}; it has {}", pool, service.spec->name, known));
}

}  // namespace

Result<ScaleMetricValue> scale_metric_value(const ServiceView& service, const ScaleMetricQuestion& question) {
  const auto name = question.metric.name();
  if (!question.pool.empty() && question.metric.kind != ScaleMetricKind::desired_replicas)
    return fail(ErrorKind::invalid, fmt::format("{} is not told by pool; only desired_replicas is", name));
  switch (question.metric.kind) {
    case ScaleMetricKind::desired_replicas:
      return desired(service, question.pool);
    case ScaleMetricKind::floor:
      return decided(service.decision.band.floor.value(), service);
    case ScaleMetricKind::ceiling:
      return decided(service.decision.band.ceiling.value(), service);
    case ScaleMetricKind::demand_rate:
      return decided_rate(service.decision.demand_rate, name, service);
    case ScaleMetricKind::demand_expected:
      return decided_rate(service.decision.demand_expected, name, service);
    case ScaleMetricKind::in_flight:
      return value_of(service.seen.in_flight, name, service);
    case ScaleMetricKind::queued:
      return value_of(service.seen.queued, name, service);
    case ScaleMetricKind::concurrency:
      return sum_of(service.seen.in_flight, service.seen.queued, name, service);
    case ScaleMetricKind::latency:
      return value_of(service.seen.latency(question.metric.latency, question.metric.percentile), name, service);
  }
  return fail(ErrorKind::invalid, fmt::format("no metric '{}'", name));
}

Result<bool> is_active(const ServiceView& service) {
  if (auto grounds = check_grounds(service); !grounds) return std::unexpected(grounds.error());
  return service.decision.total() > Replicas{0};
}

Duration view_age_max(Duration tick) { return std::max<Duration>(30s, 10 * tick); }

Result<void> check_current(const FleetView& view, Instant now, Duration tick) {
  if (view.tick == 0) return fail(ErrorKind::unreachable, "nothing was decided yet");
  const Duration age = now - view.now;
  if (age > view_age_max(tick))
    return fail(ErrorKind::unreachable, fmt::format("the newest decision is {} old", to_text(age)));
  return {};
}

}  // namespace tidegate
