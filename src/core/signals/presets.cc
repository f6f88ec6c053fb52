#include "core/signals/presets.h"

#include <algorithm>

namespace tidegate {

namespace {

// vLLM V1 first, then what V0 called it (vllm/v1/metrics/loggers.py, vllm/engine/metrics.py).
constexpr PresetMetric vllm_metrics[] = {
    {.signal = Signal::in_flight, .names = {"vllm:num_requests_running"}},
    {.signal = Signal::queued, .names = {"vllm:num_requests_waiting"}},
    {.signal = Signal::kv_usage,
     .combine = SeriesCombine::mean,
     .names = {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"}},
    {.signal = Signal::completions,
     .type = MetricType::counter,
     .names = {"vllm:request_success_total", "vllm:request_success"}},
    {.signal = Signal::input_tokens,
     .type = MetricType::counter,
     .names = {"vllm:prompt_tokens_total", "vllm:prompt_tokens"}},
    {.signal = Signal::output_tokens,
     .type = MetricType::counter,
     .names = {"vllm:generation_tokens_total", "vllm:generation_tokens"}},
    {.signal = Signal::ttft, .type = MetricType::histogram, .names = {"vllm:time_to_first_token_seconds"}},
    {.signal = Signal::itl,
     .type = MetricType::histogram,
     .names = {"vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"}},
    {.signal = Signal::latency, .type = MetricType::histogram, .names = {"vllm:e2e_request_latency_seconds"}},
    {.signal = Signal::queue_wait, .type = MetricType::histogram, .names = {"vllm:request_queue_time_seconds"}},
};

constexpr Preset all_presets[] = {
    {.name = "vllm", .path = "/metrics", .rank_label = "", .metrics = vllm_metrics},
};

}  // namespace

std::span<const Preset> presets() { return all_presets; }

const Preset* find_preset(std::string_view name) {
  const auto found = std::ranges::find(all_presets, name, &Preset::name);
  return found == std::end(all_presets) ? nullptr : &*found;
}

}  // namespace tidegate
