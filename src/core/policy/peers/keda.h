// KEDA's ScaledObject (kedacore/keda v2.20, pkg/scaling/executor, pkg/fallback; mid-2026): it decides between zero and
// one, and the HorizontalPodAutoscaler it creates does the rest.
//
//   every polling interval, on the values of `metric_delay` ago:
//     active = any trigger's value > its activation threshold
//     active, at 0 (or idle, below min):          max(1, min) at once
//     not active and a trigger failed:            nothing
//     not active, above idle or (min = 0 and not at 0), last active more than the cooldown ago:
//                                                 idle or min in one step, whatever the size and the HPA's windows
//     not active and below min:                   min
//   every sync, while not at zero: the HPA (hpa_sync.h) on external metrics within max(1, min)..max;
//     average_value: ceil(value / threshold)      value: ceil(value / threshold * ready)
//   fallback, once a trigger failed more than `failure_threshold` times in a row (polls and syncs both count): it reads
//     threshold * replicas (average_value), threshold * replicas / ready (value; fails without a ready one)
//
// Worked: threshold 10, activation 50, value 40: 0 replicas, although the HPA would have 4. Value 64, threshold 8, at
// 0: 1 within a poll, then 4 and 8 with the next two syncs.
//
// Delays: half a scrape and half a poll from 0 to 1 (45 s at worst), a sync on top from 1 to N. An empty answer is 0
// unless `ignore_null_values` is off: a trigger whose source vanished scales in. Negative values are 0.
// While a replica starts it may be inactive: KEDA then stops it (superlinked/sie#293).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/policy/peers/hpa_sync.h"
#include "core/policy/peers/metric_pipeline.h"
#include "core/policy/policy.h"

namespace tidegate {

struct KedaTriggerMemory {
  MetricPipeline pipeline;
  std::int32_t failures = 0;  // in a row
  bool polled = false;
  Reading cached;  // of the newest poll

  friend bool operator==(const KedaTriggerMemory&, const KedaTriggerMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(pipeline, failures, polled, cached);
  }
};

struct KedaMemory {
  bool started = false;
  bool asked = false;  // the triggers, once
  Instant created{};
  Instant polled{};
  Instant synced{};
  std::optional<Instant> active;  // when a trigger last was
  std::int32_t desired = 0;
  HpaReason reason = HpaReason::succeeded_get_scale;
  std::int64_t usage = 0;  // thousandths; of the metric that won
  HpaLog log;
  std::vector<KedaTriggerMemory> triggers;  // in the order of the policy

  friend bool operator==(const KedaMemory&, const KedaMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(started, asked, created, polled, synced, active, desired, reason, usage, log, triggers);
  }
};

[[nodiscard]] Proposal propose(const KedaPolicy& policy, KedaMemory& memory, const PolicyInput& input);

}  // namespace tidegate
