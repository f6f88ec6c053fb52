// Which pods' samples an HPA uses: classes of pods, and the sums over them that its formulas need
// (kubernetes/kubernetes pkg/controller/podautoscaler/replica_calculator.go, mid-2026).
//
//   ignored   being deleted, failed or succeeded
//   unready   pending; for the CPU alone also: no Ready condition or no start time; younger than the CPU initialisation
//             period and not ready, or with a sample that reaches back before the last change of readiness; older, not
//             ready and never ready since (start + readiness delay > last change)
//   missing   no sample
//   ready     the rest; a GPU's or a custom metric never looks at readiness, so a warming pod that exports 0 counts
//
// Values and requests are thousandths.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/base/time.h"

namespace tidegate {

enum class HpaPhase : std::uint8_t { pending, running, succeeded, failed };
enum class HpaPodClass : std::uint8_t { ready, unready, missing, ignored };

struct HpaSample {
  std::int64_t value = 0;
  Instant at{};
  Duration window{};
};

struct HpaPod {
  HpaPhase phase = HpaPhase::running;
  bool deleting = false;
  std::optional<bool> ready;  // none: no Ready condition
  Instant ready_changed{};
  std::optional<Instant> started;
  std::optional<std::int64_t> request;
  std::optional<HpaSample> sample;
};

struct HpaReadiness {
  bool is_cpu = false;
  Duration cpu_initialization = 5min;
  Duration readiness_delay = 30s;
};

// Everything the formulas need of a set of pods.
struct HpaPodSums {
  std::int32_t pods = 0;  // all of them
  std::int32_t ready = 0;
  std::int32_t unready = 0;
  std::int32_t missing = 0;
  std::int32_t running_and_ready = 0;  // phase Running and Ready true, whatever the samples
  bool lacks_request = false;          // a pod without a request: no utilisation can be told
  std::int64_t usage = 0;              // of ready pods
  std::int64_t requests = 0;           // of ready pods
  std::int64_t requests_unready = 0;
  std::int64_t requests_missing = 0;
  std::int64_t usage_if_missing = 0;  // what missing pods are taken to use when lowering is at stake
  // Samples of pods that are not in the list: they count in means, never in utilisation.
  std::int32_t strangers = 0;
  std::int64_t strangers_usage = 0;
};

[[nodiscard]] HpaPodClass classify(const HpaPod& pod, const HpaReadiness& readiness, Instant now);

// `target_percent` of a utilisation: a missing pod is taken to use max(100, target) percent of its request.
[[nodiscard]] HpaPodSums sum_pods(std::span<const HpaPod> pods, std::span<const std::int64_t> strangers,
                                  const HpaReadiness& readiness, std::int32_t target_percent, Instant now);

}  // namespace tidegate
