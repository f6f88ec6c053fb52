// A service as an HPA would see it: signals become samples of pods, or one number of the whole.
//
//   pods average   per pod = total / ready (in_flight, queued, rates, custom);  an average already (utilisations,
//                  latencies) as it is
//   utilization    per pod = 100 * the share, of a request of 1
//   average value, value   the signal itself
//
// Pods that report when the sample was taken have it; ready ones that came since, and warming ones, are missing, as a
// replica that loads its model runs and exports nothing. Beside another policy the HPA's pods are not those that were
// measured: an average is then spread as the same load over its own number, and no share exceeds 1.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/model/peer_specs.h"
#include "core/policy/peers/hpa_sync.h"
#include "core/policy/peers/metric_pipeline.h"
#include "core/policy/policy.h"

namespace tidegate {

// What is measured, and against what.
struct HpaMetricView {
  Signal signal;
  std::string_view name;
  HpaTarget type;
  double target;
};

// The metric as it leaves the replicas now.
[[nodiscard]] MetricPipeline::Value measure(const HpaMetricView& metric, const PolicyInput& input);

// The metric as the controller reads it: `value` is what came through the pipeline.
[[nodiscard]] HpaMetricSeen see(const HpaMetricView& metric, const MetricPipeline::Value& value,
                                const PolicyInput& input);

// A metric of the whole (external, object), not of pods.
[[nodiscard]] bool is_of_the_whole(HpaTarget type);

// The size an autoscaler's platform keeps for it: what it asked for last or what is there, whichever is more; what is
// there while an operator's override holds.
[[nodiscard]] std::int32_t size_asked_for(bool asked, std::int32_t replicas, const PolicyInput& input);

// Whole replicas there: ready and warming.
[[nodiscard]] std::int32_t size_there(const PolicyInput& input);

}  // namespace tidegate
