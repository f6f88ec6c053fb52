// The share of the KV cache in use, which the LLM scalers look at, as a mean over ready replicas.
//
//   kv_share = kv_usage                               where it is measured
//            = in_flight / (ready * slots)            where nobody measures it: the slots in use stand for the tokens
//   kv_load  = kv_share * (in_flight + queued) / in_flight       with what waits counted in; may exceed 1
//
// Worked: kv_usage 0.6, 30 in flight, 10 queued: kv_load 0.8. A measurement that failed is not replaced.
#pragma once

#include "core/policy/policy.h"

namespace tidegate {

[[nodiscard]] Reading kv_share(const PolicyInput& input);
[[nodiscard]] Reading kv_load(const PolicyInput& input);

}  // namespace tidegate
