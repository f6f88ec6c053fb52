// What one metric of an HPA proposes (kubernetes/kubernetes replica_calculator.go, mid-2026).
//
//   within(r): 1 - tolerance.down <= r <= 1 + tolerance.up
//   utilisation  r = trunc(100 * usage / requests) / target percent
//   pods average r = trunc(usage / samples) / target
//     all pods ready, or r <= 1 and none missing:  within(r) ? current : ceil(r * ready)
//     else missing pods are taken to use the target (their request) when r < 1 and nothing when r > 1, unready ones
//     nothing when r > 1, and r2 is computed again: current when within(r2), when r2 lies on the other side of 1, or
//     when ceil(r2 * samples) moves against r2; else that
//   value         r = usage / target;  within(r) ? current : ceil(r * ready running pods);  at zero ceil(r)
//   average value r = usage / (target * n), n of the status;  within(r) ? n : ceil(usage / target)
//
// Worked: three pods use 300, 500, 700 of 1000 each at 30 %: trunc(50) / 30 = 1.67, ceil(1.67 * 3) = 5.
// Values are thousandths. No answer: the metric cannot be used (no pods, no samples, a pod without request).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/policy/peers/hpa_pods.h"

namespace tidegate {

struct HpaTolerance {
  double up = 0.1;
  double down = 0.1;
  [[nodiscard]] bool covers(double ratio) const { return 1.0 - down <= ratio && ratio <= 1.0 + up; }
};

struct HpaProposal {
  std::int32_t replicas = 0;
  std::int64_t usage = 0;        // what is shown: the mean per pod; of a value, the value itself
  std::int32_t utilization = 0;  // percent, of a utilisation
};

[[nodiscard]] std::optional<HpaProposal> propose_utilization(const HpaPodSums& pods, std::int32_t target_percent,
                                                             std::int32_t current, HpaTolerance tolerance);

[[nodiscard]] std::optional<HpaProposal> propose_pods_average(const HpaPodSums& pods, std::int64_t target,
                                                              std::int32_t current, HpaTolerance tolerance);

// Of an object or an external metric. `current` is the size asked for.
[[nodiscard]] std::optional<HpaProposal> propose_value(std::int64_t usage, std::int64_t target, const HpaPodSums& pods,
                                                       std::int32_t current, HpaTolerance tolerance);

// `status_replicas` is the size there is, unready ones included.
[[nodiscard]] std::optional<HpaProposal> propose_average_value(std::int64_t usage, std::int64_t target,
                                                               std::int32_t status_replicas, HpaTolerance tolerance);

// ceil(usage / replicas); 0 without replicas.
[[nodiscard]] std::int64_t usage_per_pod(std::int64_t usage, std::int32_t replicas);

// An external metric is the sum of its series.
[[nodiscard]] std::int64_t sum_series(std::span<const std::int64_t> values);

}  // namespace tidegate
