// Knative Serving's pod autoscaler (knative/serving 98e5ef90). Formulas: knative_scaler.h, knative_windows.h,
// knative_target.h; the way to zero: knative_apply.h.
//
//   every 2 s: want = ceil(average concurrency or rate over the window / (target * utilisation)), the larger of the
//   stable window and, in panic, of the panic window; then bounds and the grace of the last pod
//
// Worked: 560 requests at once, 1 pod, defaults (100 * 0.7): ceil(560 / 70) = 8, and 8 / 1 >= 2: panic.
//
// What it sees: a report a second, averaged over that second, of requests in pods and at the activator; windows of 1 s
// buckets, 60 s and 6 s. The first request at zero is decided on at once. A silent second is no zero, a silent window
// is; with failing scrapes it is no answer, and the size stays. Only ready pods count. The band: panic and the delay of
// lowering keep up to the ceiling; the grace of the last pod is a ceiling of one over a floor of zero.
#pragma once

#include <cstdint>
#include <optional>

#include "core/policy/peers/knative_apply.h"
#include "core/policy/peers/knative_scaler.h"
#include "core/policy/peers/knative_windows.h"
#include "core/policy/peers/own_size.h"
#include "core/policy/policy.h"

namespace tidegate {

// The second that is being reported.
struct KnativeReport {
  double area = 0;  // value times seconds
  Duration span{};
  std::optional<std::int64_t> slot;  // the newest second reported
  friend bool operator==(const KnativeReport&, const KnativeReport&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(area, span, slot);
  }
};

struct KnativeMemory {
  OwnSize own;
  std::int32_t measured = 0;  // without ratchet, delay and grace
  KnativeReport report;
  BucketWindow stable;
  BucketWindow panic;
  KnativeScaleMemory scale;
  Instant ticked{};
  KnativeState state = KnativeState::activating;
  Instant state_since{};
  bool is_proxied = false;  // traffic goes through the activator
  Instant proxied_since{};
  bool has_initial_scale = false;

  friend bool operator==(const KnativeMemory&, const KnativeMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(own, measured, report, stable, panic, scale, ticked, state, state_since, is_proxied, proxied_since,
       has_initial_scale);
  }
};

[[nodiscard]] Proposal propose(const KnativePolicy& policy, KnativeMemory& memory, const PolicyInput& input);

}  // namespace tidegate
