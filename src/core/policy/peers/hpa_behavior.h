// From an HPA's proposal to its size: stabilised first, then limited (kubernetes/kubernetes horizontal.go, mid-2026).
//
// Without `behavior`:
//   s = max(desired, recommendations younger than the downscale window)
//   min <= s <= min(max, max(factor * current, minimum))
// With it:
//   up, down = min, max of desired and the recommendations within the window of each direction
//   s = current brought into [up, down]
//   start = current - added + deleted within a policy's period
//   upward limit = select(start + pods, ceil(start * (1 + percent/100)));  downward select(start - pods,
//   trunc(start * (1 - percent/100)));  `max` selects the largest change, `min` the smallest, `disabled` none
// Bounds hold in the limiting step alone: a size equal to the current one is not clamped.
//
// Worked: current 10, desired 50, upward 200 percent a minute: 30, and the reason is ScaleUpLimit.
// An age equal to a window or a period lies outside it. Logs are bounded: of 512 entries the oldest gives way.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/time.h"
#include "core/model/peer_specs.h"
#include "core/policy/peers/hpa_reason.h"

namespace tidegate {

struct HpaRecommendation {
  Instant at{};
  std::int32_t replicas = 0;
  friend bool operator==(const HpaRecommendation&, const HpaRecommendation&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(at, replicas);
  }
};

struct HpaScaleEvent {
  Instant at{};
  std::int32_t change = 0;  // replicas, in the direction of its log
  bool outdated = false;    // its place may be taken
  friend bool operator==(const HpaScaleEvent&, const HpaScaleEvent&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(at, change, outdated);
  }
};

// What an HPA's controller remembers of it, in memory alone there.
struct HpaLog {
  bool started = false;
  std::vector<HpaRecommendation> recommendations;  // in no order: expired places are taken again
  std::vector<HpaScaleEvent> ups;
  std::vector<HpaScaleEvent> downs;
  friend bool operator==(const HpaLog&, const HpaLog&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(started, recommendations, ups, downs);
  }
};

struct HpaSize {
  std::int32_t replicas = 0;
  HpaReason reason = HpaReason::desired_within_range;
};

struct HpaBounds {
  std::int32_t replicas_min = 1;
  std::int32_t replicas_max = 1;
};

// The default rules of a direction once `behavior` is given.
[[nodiscard]] HpaScalingRules default_rules_up();
[[nodiscard]] HpaScalingRules default_rules_down();

// Stabilise without and with behavior. Both record `desired`.
[[nodiscard]] std::int32_t stabilize(std::vector<HpaRecommendation>& log, Instant now, Duration window,
                                     std::int32_t desired);
[[nodiscard]] std::int32_t stabilize(std::vector<HpaRecommendation>& log, Instant now, Duration window_up,
                                     Duration window_down, std::int32_t current, std::int32_t desired);

struct HpaScaleUpLimit {
  std::int32_t factor = 2;
  std::int32_t minimum = 4;
};
[[nodiscard]] HpaSize limit(HpaBounds bounds, HpaScaleUpLimit up, std::int32_t current, std::int32_t desired);

// The size a direction may reach now by its rules alone.
[[nodiscard]] std::int32_t limit_up(const HpaScalingRules& rules, const HpaLog& log, Instant now, std::int32_t current);
[[nodiscard]] std::int32_t limit_down(const HpaScalingRules& rules, const HpaLog& log, Instant now,
                                      std::int32_t current);
[[nodiscard]] HpaSize limit(HpaBounds bounds, const HpaScalingRules& up, const HpaScalingRules& down, const HpaLog& log,
                            Instant now, std::int32_t current, std::int32_t desired);

// Replicas changed within the period.
[[nodiscard]] std::int32_t changed_within(const std::vector<HpaScaleEvent>& events, Instant now, Duration period);
// Records a change into the log of its direction.
void store_event(const HpaScalingRules& rules, std::vector<HpaScaleEvent>& events, Instant now, std::int32_t change);

}  // namespace tidegate
