// The kinds of measurement tidegate knows. A custom signal is a reading with a name of the user's choice.
#pragma once

#include <cstdint>

#include "core/base/enum_text.h"

namespace tidegate {

enum class Signal : std::uint8_t {
  arrivals,       // requests admitted, a counter
  completions,    // requests finished, a counter
  in_flight,      // being served now
  queued,         // accepted, not begun
  ttft,           // seconds from arrival to the first token
  itl,            // seconds between tokens
  latency,        // seconds from arrival to the last byte
  queue_wait,     // seconds from arrival to begin of service
  input_tokens,   // a counter
  output_tokens,  // a counter
  gpu_util,       // 0..1; near 1 with a single decode running, so never load evidence (docs/signals)
  gpu_memory,     // 0..1
  kv_usage,       // 0..1
  custom,
};

template <>
inline constexpr auto enum_texts<Signal> = std::to_array<EnumText<Signal>>({
    {Signal::arrivals, "arrivals"},
    {Signal::completions, "completions"},
    {Signal::in_flight, "in_flight"},
    {Signal::queued, "queued"},
    {Signal::ttft, "ttft"},
    {Signal::itl, "itl"},
    {Signal::latency, "latency"},
    {Signal::queue_wait, "queue_wait"},
    {Signal::input_tokens, "input_tokens"},
    {Signal::output_tokens, "output_tokens"},
    {Signal::gpu_util, "gpu_util"},
    {Signal::gpu_memory, "gpu_memory"},
    {Signal::kv_usage, "kv_usage"},
    {Signal::custom, "custom"},
});

}  // namespace tidegate
