// Kubernetes HorizontalPodAutoscaler v2 (kubernetes/kubernetes pkg/controller/podautoscaler, mid-2026), fed from our
// signals through the delay it would see them with.
//
//   every sync period, on the values of `metric_delay` ago:
//     proposals of all metrics (hpa_metrics.h), the largest of them, stabilised and limited (hpa_behavior.h)
//   min = the service's, at least 1 unless a metric of the whole (average_value, value) can wake it; max = the
//   service's
//
// Worked: in_flight 64, target 8, 4 replicas: 16 each, ratio 2, desired 8; 4 pods or 100 percent in 15 s allow 8.
//
// Delays: the sync comes every 15 s, fixed on EKS, GKE and AKS. A Prometheus adapter adds half a scrape (15 to 60 s)
// and half the window of a rate; a resource metric 27.5 s in the mean, 55 s at worst to the decision.
// It has no notion of capacity under way beyond counting it, of cost, or of an SLO. A metric that cannot be read keeps
// the size; one of several that cannot be read forbids lowering.
#pragma once

#include <cstdint>
#include <vector>

#include "core/policy/peers/hpa_sync.h"
#include "core/policy/peers/metric_pipeline.h"
#include "core/policy/policy.h"

namespace tidegate {

struct HpaMemory {
  bool started = false;
  Instant synced{};
  std::int32_t desired = 0;
  HpaReason reason = HpaReason::succeeded_get_scale;  // of the newest sync: what bound it
  std::int64_t usage = 0;                             // thousandths; of the metric that won
  std::int32_t proposed = 0;                          // ... and what it asked for
  HpaLog log;
  std::vector<MetricPipeline> pipelines;  // in the order of the metrics

  friend bool operator==(const HpaMemory&, const HpaMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(started, synced, desired, reason, usage, proposed, log, pipelines);
  }
};

[[nodiscard]] Proposal propose(const HpaPolicy& policy, HpaMemory& memory, const PolicyInput& input);

}  // namespace tidegate
