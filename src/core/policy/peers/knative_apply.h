// From what Knative's autoscaler wants to what it writes: bounds and the way to zero
// (knative/serving, pkg/reconciler/autoscaling/kpa/scaler.go, 98e5ef90).
//
//   clamp(desired, min, max); min is at least initial_scale until that was reached once; no min when unreachable
//   zero, when activating: only after progress_deadline + 30 s
//         when active:     for less than a stable window: one; then marked inactive, nothing written
//         when inactive:   the activator must answer; written after max(grace, retention), or once traffic has gone
//                          through the activator for the grace period
//
// Worked: inactive for 59 s of 60 s grace, through the activator for 60 s: zero is written.
// Below zero (nothing measured yet) nothing is written. `max` 0: no bound.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/enum_text.h"
#include "core/base/time.h"

namespace tidegate {

enum class KnativeState : std::uint8_t { activating, active, inactive };
template <>
inline constexpr auto enum_texts<KnativeState> = std::to_array<EnumText<KnativeState>>(
    {{KnativeState::activating, "activating"}, {KnativeState::active, "active"}, {KnativeState::inactive, "inactive"}});

struct KnativeApplyInput {
  bool enable_scale_to_zero = true;
  Duration grace = 30s;
  Duration stable_window = 60s;
  Duration pod_retention{};
  Duration progress_deadline = 10min;
  double target_burst_capacity = 211;
  std::int32_t min_scale = 0;
  std::int32_t max_scale = 0;
  std::int32_t initial_scale = 1;
  bool target_initialized = false;  // initial_scale was reached once
  bool is_reachable = true;
  KnativeState state = KnativeState::active;
  Duration in_state{};
  Duration proxied{};  // traffic has gone through the activator for so long
  bool activator_answers = true;
  std::int32_t current = 0;
  std::int32_t desired = 0;
};

struct KnativeApplied {
  std::int32_t desired = 0;
  bool is_written = false;
  bool asks_again = false;
  bool probes = false;  // the activator, until it answers
};

[[nodiscard]] KnativeApplied knative_apply(const KnativeApplyInput& input);

}  // namespace tidegate
