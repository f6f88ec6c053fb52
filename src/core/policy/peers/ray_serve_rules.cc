#include "core/policy/peers/ray_serve_rules.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr double size_most = 1e9;
constexpr Duration timer_slack = 1us;

std::int32_t whole_size(double size) { return static_cast<std::int32_t>(std::clamp(std::ceil(size), 0.0, size_most)); }

bool is_over(RayDelay& delay, Instant now, Duration length, int direction) {
  if (delay.counter * direction <= 0) delay = {.counter = 0, .since = now};
  delay.counter += direction;
  if (now - *delay.since + timer_slack < length) return false;
  delay = {};
  return true;
}

}  // namespace

std::optional<std::int32_t> ray_cold_start(const RayServePolicy& policy, const RayLoad& load) {
  if (load.running > 0 || load.ongoing <= 0) return std::nullopt;
  return std::max(whole_size(policy.upscaling_factor), load.target);
}

double ray_core(const RayServePolicy& policy, const RayLoad& load) {
  if (load.running == 0) return load.target;
  return load.running * (load.ongoing / (policy.target_ongoing_requests * load.running));
}

std::int32_t ray_factored(const RayServePolicy& policy, double raw, std::int32_t target) {
  if (target == 0) return whole_size(raw);
  const double difference = raw - target;
  const double factor = difference > 0 ? policy.upscaling_factor : policy.downscaling_factor;
  const std::int32_t size = whole_size(target + factor * difference);
  return size == target && whole_size(raw) < target ? size - 1 : size;
}

std::int32_t ray_delayed(const RayServePolicy& policy, RayDelay& delay, Instant now, std::int32_t wanted,
                         std::int32_t target) {
  if (wanted == target) {
    delay = {};
    return target;
  }
  if (wanted > target) {
    if (target == 0) return wanted;
    return is_over(delay, now, policy.upscale_delay, 1) ? wanted : target;
  }
  const bool is_to_zero = target == 1 && wanted == 0;
  const Duration length =
      is_to_zero ? policy.downscale_to_zero_delay.value_or(policy.downscale_delay) : policy.downscale_delay;
  if (!is_over(delay, now, length, -1)) return target;
  return target > 1 ? std::max(wanted, 1) : wanted;
}

}  // namespace tidegate
