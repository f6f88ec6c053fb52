// What a KEDA trigger answers when it is asked, by a poll or by a sync of the HPA.
//
//   fresh                 the value, at least 0
//   stale, absent, NaN    an empty answer: 0 with `ignore_null_values` (KEDA's prometheus scaler), else a failure
//   error                 a failure; after more than `failure_threshold` in a row the fallback's value
#pragma once

#include <cstdint>
#include <optional>

#include "core/model/peer_specs.h"
#include "core/model/reading.h"
#include "core/policy/peers/hpa_sync.h"
#include "core/policy/peers/keda.h"

namespace tidegate {

// What the scaler reads; none: it fails.
[[nodiscard]] std::optional<double> trigger_value(const KedaTrigger& trigger, const Reading& reading);

struct KedaScale {
  std::int32_t replicas = 0;  // asked for
  std::int32_t ready = 0;
};

// The fallback's value for a trigger that failed; none: it fails, too.
[[nodiscard]] std::optional<double> fallback_value(const KedaTrigger& trigger, const KedaFallback& fallback,
                                                   KedaScale scale);

// Asks a trigger: counts its failures, and answers for the HPA.
std::optional<double> ask(const KedaTrigger& trigger, const std::optional<KedaFallback>& fallback,
                          KedaTriggerMemory& memory, const Reading& reading, KedaScale scale);

}  // namespace tidegate
