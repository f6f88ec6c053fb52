#include "core/policy/peers/knative_apply.h"

#include <algorithm>

namespace tidegate {
namespace {

constexpr Duration activation_buffer = 30s;

KnativeApplied write(const KnativeApplyInput& input, std::int32_t size, bool asks_again = false) {
  return {.desired = size, .is_written = size >= 0 && size != input.current, .asks_again = asks_again};
}

KnativeApplied to_zero(const KnativeApplyInput& input) {
  if (!input.enable_scale_to_zero) return write(input, 1);
  switch (input.state) {
    case KnativeState::activating:
      if (input.in_state > input.progress_deadline + activation_buffer) return write(input, 0);
      return {.desired = -1, .asks_again = true};
    case KnativeState::active:
      if (input.in_state >= input.stable_window) return {.desired = 0};
      return write(input, 1, true);
    case KnativeState::inactive:
      break;
  }
  if (input.target_burst_capacity != -1 && !input.activator_answers) return {.desired = 0, .probes = true};
  if (input.in_state >= std::max(input.grace, input.pod_retention)) return write(input, 0);
  if (input.in_state >= input.pod_retention && input.proxied >= input.grace) return write(input, 0);
  return {.desired = 0, .asks_again = true};
}

}  // namespace

KnativeApplied knative_apply(const KnativeApplyInput& input) {
  if (input.desired < 0 && input.state != KnativeState::activating) return {.desired = input.desired};
  std::int32_t least = input.is_reachable ? input.min_scale : 0;
  if (input.initial_scale > 1 && !input.target_initialized && input.is_reachable)
    least = std::max(least, input.initial_scale);
  std::int32_t size = least > 0 ? std::max(input.desired, least) : input.desired;
  if (input.max_scale > 0) size = std::min(size, input.max_scale);
  return size == 0 ? to_zero(input) : write(input, size);
}

}  // namespace tidegate
