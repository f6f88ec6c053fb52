#include "core/policy/peers/knative_target.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr double target_least = 0.01;
constexpr double sample_spread = 1.96 * 1.96 * 100 / 25;
constexpr std::int64_t sample_all = 3;

}  // namespace

KnativeTarget knative_target(const KnativeTargetSettings& settings, const KnativeDefaults& defaults) {
  const bool is_rps = settings.metric == KnativeMetric::rps;
  double utilization = is_rps ? defaults.rps_utilization : defaults.concurrency_utilization;
  if (settings.utilization_percentage) utilization = *settings.utilization_percentage / 100;
  double total = is_rps ? defaults.rps : defaults.concurrency;
  const bool is_limited = !is_rps && settings.container_concurrency > 0;
  if (is_limited) total = settings.container_concurrency;
  if (settings.target) total = is_limited ? std::min(*settings.target, total) : *settings.target;
  return {.target = std::max(target_least, total * utilization), .total = total};
}

Duration knative_panic_window(Duration stable, double percentage, Duration bucket) {
  const double whole_seconds = std::round(seconds(stable) * percentage / 100);
  return std::max(from_seconds(whole_seconds), bucket);
}

std::int32_t knative_initial_scale(std::int32_t configured, bool allow_zero, std::optional<std::int32_t> annotation) {
  return annotation && (*annotation != 0 || allow_zero) ? *annotation : configured;
}

double knative_initial_burst_capacity(double target_burst_capacity, double initial_scale, double total) {
  if (target_burst_capacity == -1 || target_burst_capacity == 0) return target_burst_capacity;
  return initial_scale * total - target_burst_capacity;
}

std::int64_t knative_sample_size(std::int64_t population) {
  if (population <= sample_all) return population;
  const auto n = static_cast<double>(population);
  return static_cast<std::int64_t>(std::ceil(n * sample_spread / (n + sample_spread - 1)));
}

}  // namespace tidegate
