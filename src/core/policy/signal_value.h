// The reading a policy with a signal of its own looks at.
#pragma once

#include <string_view>

#include "core/model/observation.h"
#include "core/model/reason.h"
#include "core/model/signal.h"

namespace tidegate {

// Latencies are read at their p99 unless `name` says otherwise ("ttft_p95"). Counts (arrivals, completions, tokens)
// become rates per second over `interval`. A custom signal nobody reports is absent.
[[nodiscard]] Reading signal_reading(const Observation& seen, Signal signal, std::string_view name, Duration interval);

// Why a reading is no evidence: no_data, signals_stale, signals_error; signals_partial for a value that only some
// replicas reported; steady when it is whole.
[[nodiscard]] Reason missing_reason(const Reading& reading);

}  // namespace tidegate
