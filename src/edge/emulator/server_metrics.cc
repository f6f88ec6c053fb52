#include "edge/emulator/server_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace tidegate {
namespace {

constexpr double first_token_bounds[] = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
                                         1,     2.5,   5,    7.5,  10,   20,   40,   80,  160,  640, 2560};
constexpr double token_bounds[] = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
                                   0.75, 1,     2.5,  5,     7.5, 10,   20,  40,  80};
constexpr double request_bounds[] = {0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                     30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680};
constexpr double length_bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};
constexpr double iteration_bounds[] = {1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};
constexpr double count_bounds[] = {1, 2, 5, 10, 20};

class Page {
 public:
  explicit Page(const MetricsPageStyle& style)
      : style_(style), labels_(fmt::format(R"(engine="0",model_name="{}")", escaped(style.model))) {
    text_.reserve(48 * 1024);
  }

  void family(std::string_view name, std::string_view type, std::string_view help) {
    put("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void sample(std::string_view name, std::string_view further, double value) {
    put("{}{{{}{}}} {}\n", name, labels_, further, number(value));
  }
  void gauge(std::string_view name, std::string_view help, double value) {
    family(name, "gauge", help);
    sample(name, "", value);
  }
  void counter(std::string_view name, std::string_view help, double value) {
    family(name, "counter", help);
    sample(name, "", value);
  }
  void histogram(std::string_view name, std::string_view help, const BucketCounts& counts) {
    family(name, "histogram", help);
    const auto bounds = counts.bounds();
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      below += counts.in_bucket(i);
      put("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels_, bound(bounds[i]), number(static_cast<double>(below)));
    }
    const auto total = number(static_cast<double>(below + counts.in_bucket(bounds.size())));
    put("{}_bucket{{{},le=\"+Inf\"}} {}\n{}_count{{{}}} {}\n", name, labels_, total, name, labels_, total);
    sample(fmt::format("{}_sum", name), "", counts.sum());
  }
  // Without the server's labels.
  void process(std::string_view name, std::string_view help, double value) {
    family(name, "gauge", help);
    put("{} {}\n", name, value);
  }
  void info(std::string_view name, std::string_view help, std::string_view labels) {
    family(name, "gauge", help);
    put("{}{{{},engine=\"0\"}} 1.0\n", name, labels);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  [[nodiscard]] std::string number(double value) const {
    if (style_.is_nan || std::isnan(value)) return "NaN";
    return bound(value);
  }
  // As Python prints a float.
  static std::string bound(double value) {
    return value == std::floor(value) && std::abs(value) < 1e15 ? fmt::format("{:.1f}", value)
                                                                : fmt::format("{}", value);
  }
  static std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '\n') {
        out += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out;
  }

  const MetricsPageStyle& style_;
  std::string labels_;
  std::string text_;
};

}  // namespace

void BucketCounts::observe(double value, std::uint64_t times) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<std::size_t>(at - bounds_.begin())] += times;
  sum_ += value * static_cast<double>(times);
}

ServerMetrics::ServerMetrics()
    : ttft_(first_token_bounds),
      inter_token_(token_bounds),
      per_output_token_(token_bounds),
      latency_(request_bounds),
      queue_(request_bounds),
      inference_(request_bounds),
      prefill_(request_bounds),
      decode_(request_bounds),
      iteration_tokens_(iteration_bounds),
      request_input_(length_bounds),
      request_output_(length_bounds),
      request_output_max_(length_bounds),
      asked_max_(length_bounds),
      asked_n_(count_bounds) {}

void ServerMetrics::first_token(const GenerationRecord& request) {
  ttft_.observe(seconds(request.first_token - request.arrival));
  ++output_tokens_;
  input_tokens_ += static_cast<std::uint64_t>(request.input_tokens);
  prefix_queries_ += static_cast<std::uint64_t>(request.input_tokens);
  prefix_hits_ += static_cast<std::uint64_t>(request.cached_tokens);
}

void ServerMetrics::next_token(Duration since_last) {
  inter_token_.observe(seconds(since_last));
  ++output_tokens_;
}

void ServerMetrics::finished(const GenerationRecord& request, FinishReason reason) {
  ++finished_[static_cast<std::size_t>(reason)];
  latency_.observe(seconds(request.last_token - request.arrival));
  request_input_.observe(request.input_tokens);
  request_output_.observe(request.produced);
  request_output_max_.observe(request.produced);
  asked_n_.observe(1);
  if (request.tokens_max > 0) asked_max_.observe(request.tokens_max);
  if (request.produced == 0) return;  // nothing of the engine's to tell
  queue_.observe(seconds(request.begun - request.arrival));
  inference_.observe(seconds(request.last_token - request.begun));
  prefill_.observe(seconds(request.first_token - request.begun));
  const double decode = seconds(request.last_token - request.first_token);
  decode_.observe(decode);
  if (request.produced > 1) per_output_token_.observe(decode / (request.produced - 1));
}

std::string ServerMetrics::page(const EngineProfile& profile, const EngineLoad& load,
                                const MetricsPageStyle& style) const {
  Page page(style);
  page.process("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", style.started);
  if (style.is_absent) return page.take();
  page.gauge("vllm:num_requests_running", "Number of requests in model execution batches.", load.running);
  page.gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.", load.waiting);
  page.gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", load.kv_usage);
  page.family("vllm:engine_sleep_state", "gauge", "Engine sleep state; awake = 0 means engine is sleeping.");
  page.sample("vllm:engine_sleep_state", R"(,sleep_state="awake")", 1);
  page.sample("vllm:engine_sleep_state", R"(,sleep_state="weights_offloaded")", 0);
  page.sample("vllm:engine_sleep_state", R"(,sleep_state="discard_all")", 0);
  page.counter("vllm:prefix_cache_queries_total", "Prefix cache queries, in terms of number of queried tokens.",
               static_cast<double>(prefix_queries_));
  page.counter("vllm:prefix_cache_hits_total", "Prefix cache hits, in terms of number of cached tokens.",
               static_cast<double>(prefix_hits_));
  page.counter("vllm:num_preemptions_total", "Cumulative number of preemption from the engine.",
               static_cast<double>(load.preemptions));
  page.counter("vllm:prompt_tokens_total", "Number of prefill tokens processed.", static_cast<double>(input_tokens_));
  page.counter("vllm:generation_tokens_total", "Number of generation tokens processed.",
               static_cast<double>(output_tokens_));
  page.family("vllm:request_success_total", "counter", "Count of successfully processed requests.");
  constexpr std::string_view reasons[] = {"stop", "length", "abort", "error"};
  for (std::size_t i = 0; i < finished_.size(); ++i)
    page.sample("vllm:request_success_total", fmt::format(R"(,finished_reason="{}")", reasons[i]),
                static_cast<double>(finished_[i]));
  page.histogram("vllm:iteration_tokens_total", "Histogram of number of tokens per engine_step.", iteration_tokens_);
  page.histogram("vllm:request_prompt_tokens", "Number of prefill tokens processed.", request_input_);
  page.histogram("vllm:request_generation_tokens", "Number of generation tokens processed.", request_output_);
  page.histogram("vllm:request_max_num_generation_tokens",
                 "Histogram of maximum number of requested generation tokens.", request_output_max_);
  page.histogram("vllm:request_params_n", "Histogram of the n request parameter.", asked_n_);
  page.histogram("vllm:request_params_max_tokens", "Histogram of the max_tokens request parameter.", asked_max_);
  page.histogram("vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.", ttft_);
  page.histogram("vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds.", inter_token_);
  page.histogram("vllm:request_time_per_output_token_seconds",
                 "Histogram of time_per_output_token_seconds per request.", per_output_token_);
  page.histogram("vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", latency_);
  page.histogram("vllm:request_queue_time_seconds", "Histogram of time spent in WAITING phase for request.", queue_);
  page.histogram("vllm:request_inference_time_seconds", "Histogram of time spent in RUNNING phase for request.",
                 inference_);
  page.histogram("vllm:request_prefill_time_seconds", "Histogram of time spent in PREFILL phase for request.",
                 prefill_);
  page.histogram("vllm:request_decode_time_seconds", "Histogram of time spent in DECODE phase for request.", decode_);
  page.info("vllm:cache_config_info", "Information of the LLMEngine CacheConfig",
            fmt::format(R"(block_size="{}",num_gpu_blocks="{}")", profile.block_tokens,
                        profile.kv_tokens / profile.block_tokens));
  return page.take();
}

}  // namespace tidegate
