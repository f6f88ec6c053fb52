// How many pods Knative's autoscaler wants (knative/serving, pkg/autoscaler/scaling/autoscaler.go, 98e5ef90).
//
//   want(window) = clamp(ceil(window / target), floor(ready / max_scale_down_rate), ceil(max_scale_up_rate * ready))
//   panic begins, or goes on, while ceil(panic window / target) / ready >= panic_threshold; it ends once that was
//   longer than a stable window ago. In panic: the highest of both windows since it began; never down.
//   scale_down_delay: the highest of the delay, in slots of 2 s
//   excess burst capacity = floor(ready * total - target_burst_capacity - panic window), 0 or -1 when that is the
//   setting
//
// Worked: ready 1, target 10, stable 50, panic 100: ceil(100 / 10) / 1 >= 2: panic, want 10.
// Only ready pods count: what is starting is invisible to it. Without pods or windows there is no answer (keep).
// A controller that starts with more than one pod starts in panic, which keeps them while its windows fill.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/time.h"
#include "core/policy/peers/knative_windows.h"

namespace tidegate {

struct KnativeScaleSettings {
  double target = 1;  // a replica's share
  double total = 0;   // what a replica can take
  double target_burst_capacity = 211;
  double panic_threshold = 2;  // a ratio
  double max_scale_up_rate = 1000;
  double max_scale_down_rate = 2;
  Duration stable_window = 60s;
  Duration scale_down_delay{};
  std::int32_t activation_scale = 1;
  bool is_reachable = true;
};

// No `ready`: they cannot be counted. No windows: nothing was measured.
struct KnativeScaleInput {
  std::optional<std::int32_t> ready;
  struct Windows {
    double stable = 0;
    double panic = 0;
  };
  std::optional<Windows> windows;
};

struct KnativeScaleMemory {
  std::optional<Instant> panic_since;  // of the newest overload
  std::int32_t max_panic_pods = 0;
  SlidingMax delay;

  friend bool operator==(const KnativeScaleMemory&, const KnativeScaleMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(panic_since, max_panic_pods, delay);
  }
};

struct KnativeScale {
  std::int32_t desired = 0;
  std::int32_t measured = 0;  // without the panic's ratchet and the delay
  double excess_burst_capacity = 0;
};

[[nodiscard]] KnativeScaleMemory knative_start(const KnativeScaleSettings& settings, Instant now,
                                               std::optional<std::int32_t> ready);
[[nodiscard]] std::optional<KnativeScale> knative_scale(const KnativeScaleSettings& settings,
                                                        KnativeScaleMemory& memory, Instant now,
                                                        const KnativeScaleInput& input);

}  // namespace tidegate
