#include "core/policy/peers/knative_scaler.h"

#include <algorithm>
#include <cmath>

namespace tidegate {
namespace {

constexpr Duration delay_slot = 2s;
constexpr double pods_most = 1e9;

double excess_burst_capacity(const KnativeScaleSettings& settings, double ready, double panic) {
  if (settings.target_burst_capacity == 0) return 0;
  if (settings.target_burst_capacity < 0) return -1;
  return std::floor(ready * settings.total - settings.target_burst_capacity - panic);
}

void watch_panic(const KnativeScaleSettings& settings, KnativeScaleMemory& memory, Instant now, bool is_over) {
  if (is_over) {
    memory.panic_since = now;
  } else if (memory.panic_since && *memory.panic_since + settings.stable_window < now) {
    memory.panic_since.reset();
    memory.max_panic_pods = 0;
  }
}

}  // namespace

KnativeScaleMemory knative_start(const KnativeScaleSettings& settings, Instant now, std::optional<std::int32_t> ready) {
  KnativeScaleMemory memory{.max_panic_pods = ready.value_or(0)};
  if (ready.value_or(0) > 1) memory.panic_since = now;
  memory.delay.size = std::max<std::int64_t>(slots_of(settings.scale_down_delay, delay_slot), 1);
  return memory;
}

std::optional<KnativeScale> knative_scale(const KnativeScaleSettings& settings, KnativeScaleMemory& memory, Instant now,
                                          const KnativeScaleInput& input) {
  if (!input.ready || !input.windows) return std::nullopt;
  const double ready = std::max(*input.ready, 1);
  const double up_most = std::ceil(settings.max_scale_up_rate * ready);
  const double down_most = settings.is_reachable ? std::floor(ready / settings.max_scale_down_rate) : 0;
  const double of_stable = std::ceil(input.windows->stable / settings.target);
  const double of_panic = std::ceil(input.windows->panic / settings.target);
  const auto limited = [&](double wanted) {
    double pods = std::min(std::max(wanted, down_most), up_most);
    if (settings.activation_scale > 1 && wanted > 0) pods = std::max<double>(pods, settings.activation_scale);
    return static_cast<std::int32_t>(std::clamp(pods, 0.0, pods_most));
  };
  const std::int32_t stable = limited(of_stable), panic = limited(of_panic);
  watch_panic(settings, memory, now, of_panic / ready >= settings.panic_threshold);

  KnativeScale scale{.desired = stable,
                     .measured = stable,
                     .excess_burst_capacity = excess_burst_capacity(settings, *input.ready, input.windows->panic)};
  if (memory.panic_since) {
    scale.measured = std::max(stable, panic);
    memory.max_panic_pods = std::max(memory.max_panic_pods, scale.measured);
    scale.desired = memory.max_panic_pods;
  }
  if (settings.is_reachable && settings.scale_down_delay > Duration::zero())
    scale.desired = static_cast<std::int32_t>(record(memory.delay, slot_of(now, delay_slot), scale.desired));
  return scale;
}

}  // namespace tidegate
