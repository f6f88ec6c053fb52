// What Knative's autoscaler aims at, from settings (knative/serving, pkg/reconciler/autoscaling/resources, 98e5ef90).
//
//   total  = concurrency: the container's limit, else the default; an annotation lowers or replaces it
//            rps: the annotation, else the default
//   target = max(0.01, total * utilisation)
//
// Worked: limit 12, utilisation 75 %: target 9, total 12. Pure leaves.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/time.h"
#include "core/model/policy_spec.h"

namespace tidegate {

struct KnativeDefaults {
  double concurrency_utilization = 0.7;
  double rps_utilization = 0.7;
  double concurrency = 100;
  double rps = 200;
};
struct KnativeTargetSettings {
  KnativeMetric metric = KnativeMetric::concurrency;
  double container_concurrency = 0;  // 0: no limit
  std::optional<double> target;      // annotation
  std::optional<double> utilization_percentage;
};
struct KnativeTarget {
  double target = 0.01;  // a replica's share: what demand is divided by
  double total = 0;      // what a replica can take: what burst capacity counts with
};
[[nodiscard]] KnativeTarget knative_target(const KnativeTargetSettings& settings, const KnativeDefaults& defaults = {});

// round(stable * percentage / 100) to whole seconds, at least a bucket.
[[nodiscard]] Duration knative_panic_window(Duration stable, double percentage, Duration bucket);

// An annotation counts when it is not zero, or zero is allowed.
[[nodiscard]] std::int32_t knative_initial_scale(std::int32_t configured, bool allow_zero,
                                                 std::optional<std::int32_t> annotation);

// The excess burst capacity of a new revision: what its first replicas can take beyond the burst kept for.
[[nodiscard]] double knative_initial_burst_capacity(double target_burst_capacity, double initial_scale, double total);

// Pods to ask for a mean of `population` ones: all up to three, else ceil(n X / (n + X - 1)), X = 1.96^2 * 100 / 25.
[[nodiscard]] std::int64_t knative_sample_size(std::int64_t population);

}  // namespace tidegate
