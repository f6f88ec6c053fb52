#include "core/policy/peers/hpa_world.h"

#include <algorithm>
#include <cmath>

#include "core/policy/peers/milli.h"
#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

bool is_share(Signal signal) {
  return signal == Signal::gpu_util || signal == Signal::gpu_memory || signal == Signal::kv_usage;
}

bool is_latency(Signal signal) {
  return signal == Signal::ttft || signal == Signal::itl || signal == Signal::latency || signal == Signal::queue_wait;
}

bool is_average(const HpaMetricView& metric) {
  return is_share(metric.signal) || is_latency(metric.signal) || metric.type == HpaTarget::utilization;
}

// Ready replicas that reported.
double reporting(const Reading& reading, double ready) {
  const auto& coverage = reading.coverage;
  if (coverage.expected <= 0) return ready;
  return ready * std::clamp(static_cast<double>(coverage.reported) / coverage.expected, 0.0, 1.0);
}

std::int32_t whole_count(double replicas) { return static_cast<std::int32_t>(std::lround(std::max(replicas, 0.0))); }

HpaPodSums pods_of(const PolicyInput& input, double replicas, std::int64_t sample, std::int32_t target_percent) {
  constexpr std::int64_t request = 1000;
  HpaPodSums pods{.pods = size_there(input), .running_and_ready = whole_count(input.ready)};
  pods.ready = std::min(whole_count(replicas), pods.running_and_ready);
  pods.missing = pods.pods - pods.ready;
  pods.usage = multiply_saturated(sample, pods.ready);
  pods.requests = request * pods.ready;
  pods.requests_missing = request * pods.missing;
  pods.usage_if_missing = pods.requests_missing * std::max(100, target_percent) / 100;
  return pods;
}

}  // namespace

MetricPipeline::Value measure(const HpaMetricView& metric, const PolicyInput& input) {
  MetricPipeline::Value value{.at = input.seen.now,
                              .reading = signal_reading(input.seen, metric.signal, metric.name, input.demand.interval),
                              .replicas = input.ready};
  Reading& reading = value.reading;
  if (!reading.is_fresh()) return value;
  value.replicas = reporting(reading, input.ready);
  if (is_average(metric) || metric.type == HpaTarget::value) {
    if (input.ready_measured > 0 && input.ready > 0) reading.value *= input.ready_measured / input.ready;
    if (is_share(metric.signal)) reading.value = std::min(reading.value, 1.0);
  } else if (metric.type == HpaTarget::pods_average) {
    if (value.replicas <= 0) return {.at = input.seen.now};
    reading.value /= value.replicas;
  }
  return value;
}

HpaMetricSeen see(const HpaMetricView& metric, const MetricPipeline::Value& value, const PolicyInput& input) {
  HpaMetricSeen seen{.failed = !value.reading.is_fresh()};
  const std::int64_t sample = to_milli(value.reading.value);
  const std::int64_t target = to_milli(metric.target);
  switch (metric.type) {
    case HpaTarget::pods_average:
      seen.type = HpaMetricType::pods;
      seen.target_average = target;
      break;
    case HpaTarget::utilization:
      seen.type = HpaMetricType::resource;
      seen.target_percent = saturated_int32(std::round(metric.target * 100));
      break;
    case HpaTarget::average_value:
      seen.type = HpaMetricType::external;
      seen.target_average = target;
      break;
    case HpaTarget::value:
      seen.type = HpaMetricType::external;
      seen.target_value = target;
      break;
  }
  seen.value = sample;
  seen.pods = pods_of(input, value.replicas, sample, seen.target_percent.value_or(0));
  return seen;
}

bool is_of_the_whole(HpaTarget type) { return type == HpaTarget::average_value || type == HpaTarget::value; }

std::int32_t size_asked_for(bool asked, std::int32_t replicas, const PolicyInput& input) {
  const auto& manual = input.seen.manual;
  const bool is_steered = manual && input.seen.now < manual->expires;
  return asked && !is_steered ? std::max(replicas, size_there(input)) : size_there(input);
}

std::int32_t size_there(const PolicyInput& input) { return whole_count(input.ready + input.warming); }

}  // namespace tidegate
