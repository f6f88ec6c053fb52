#include "edge/sources/testing/vllm_page.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "core/base/check.h"

namespace tidegate {

namespace {

class Page {
 public:
  explicit Page(const VllmLoad& load)
      : load_(load), labels_(fmt::format("engine=\"0\",model_name=\"{}\"", load.model)) {}

  void family(const std::string& name, const char* type) {
    text_ += fmt::format("# HELP {} {} of the engine.\n# TYPE {} {}\n", name, name, name, type);
    lines_ += 2;
  }
  void sample(const std::string& name, const std::string& labels, double value) {
    const std::string block = labels.empty() ? "" : "{" + labels + "}";
    text_ += value == static_cast<double>(static_cast<long long>(value))
                 ? fmt::format("{}{} {:.1f}\n", name, block, value)
                 : fmt::format("{}{} {}\n", name, block, value);
    ++lines_;
    ++samples_;
  }
  void gauge(const std::string& name, double value) {
    family(name, "gauge");
    sample(name, labels_, value);
  }
  void counter(const std::string& name, double value) {
    family(name + "_total", "counter");
    sample(name + "_total", labels_, value);
    family(name + "_created", "gauge");
    sample(name + "_created", labels_, 1.7000000001e9);
  }
  // Evenly spread over the buckets below the last finite bound.
  void histogram(const std::string& name, const std::vector<double>& bounds) {
    family(name, "histogram");
    double sum = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      const double below = std::floor(load_.finished * static_cast<double>(i + 1) / static_cast<double>(bounds.size()));
      sample(name + "_bucket", fmt::format("{},le=\"{}\"", labels_, bound_text(bounds[i])), below);
      sum += bounds[i] * load_.finished / static_cast<double>(bounds.size());
    }
    sample(name + "_bucket", labels_ + ",le=\"+Inf\"", load_.finished);
    sample(name + "_count", labels_, load_.finished);
    sample(name + "_sum", labels_, sum);
    family(name + "_created", "gauge");
    sample(name + "_created", labels_, 1.7000000001e9);
  }

  [[nodiscard]] const std::string& labels() const { return labels_; }
  [[nodiscard]] std::size_t lines() const { return lines_; }
  [[nodiscard]] std::size_t samples() const { return samples_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  static std::string bound_text(double bound) {
    return bound == static_cast<double>(static_cast<long long>(bound)) ? fmt::format("{:.1f}", bound)
                                                                       : fmt::format("{}", bound);
  }

  const VllmLoad& load_;
  std::string labels_;
  std::string text_;
  std::size_t lines_ = 0;
  std::size_t samples_ = 0;
};

void add_histograms(Page& page) {
  const std::vector<double> first_token = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
                                           1,     2.5,   5,    7.5,  10,   20,   40,   80,  160,  640, 2560};
  const std::vector<double> token = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5,
                                     0.75, 1,     2.5,  5,     7.5, 10,   20,  40,  80};
  const std::vector<double> request = {0.3, 0.5, 0.8, 1,  1.5, 2,   2.5, 5,   10,   15,  20,
                                       30,  40,  50,  60, 120, 240, 480, 960, 1920, 7680};
  const std::vector<double> tokens = {1,   2,    5,    10,   20,    50,    100,   200,
                                      500, 1000, 2000, 5000, 10000, 20000, 50000, 100000};
  page.histogram("vllm:time_to_first_token_seconds", first_token);
  page.histogram("vllm:inter_token_latency_seconds", token);
  page.histogram("vllm:request_time_per_output_token_seconds", token);
  for (const char* name : {"e2e_request_latency", "request_queue_time", "request_inference_time",
                           "request_prefill_time", "request_decode_time"})
    page.histogram(fmt::format("vllm:{}_seconds", name), request);
  for (const char* name : {"request_prompt_tokens", "request_generation_tokens", "iteration_tokens_total",
                           "request_max_num_generation_tokens", "request_params_max_tokens"})
    page.histogram(fmt::format("vllm:{}", name), tokens);
}

}  // namespace

std::string vllm_page(const VllmLoad& load) {
  Page page{load};
  page.family("python_info", "gauge");
  page.sample("python_info", R"(implementation="CPython",major="3",minor="12",patchlevel="9",version="3.12.9")", 1);
  for (const char* name : {"process_virtual_memory_bytes", "process_resident_memory_bytes", "process_open_fds"}) {
    page.family(name, "gauge");
    page.sample(name, "", 1.3845438464e10);
  }
  page.family("process_start_time_seconds", "gauge");
  page.sample("process_start_time_seconds", "", load.start_time);
  page.gauge("vllm:num_requests_running", load.running);
  page.gauge("vllm:num_requests_waiting", load.waiting);
  page.gauge("vllm:kv_cache_usage_perc", load.kv_usage);
  for (const char* name : {"prefix_cache_queries", "prefix_cache_hits", "num_preemptions"})
    page.counter(fmt::format("vllm:{}", name), load.finished);
  page.counter("vllm:prompt_tokens", load.finished * 1000);
  page.counter("vllm:generation_tokens", load.finished * 200);
  page.family("vllm:request_success_total", "counter");
  for (const char* reason : {"stop", "length", "abort", "error"})
    page.sample("vllm:request_success_total", fmt::format("{},finished_reason=\"{}\"", page.labels(), reason),
                load.finished / 4);
  add_histograms(page);
  // The web framework's own, up to the size of the real page.
  const std::size_t comments_wanted = vllm_page_lines - vllm_page_samples;
  for (int i = 0; page.lines() - page.samples() < comments_wanted; ++i)
    page.family(fmt::format("http_request_seconds_{}", i), "gauge");
  for (int i = 0; page.samples() < vllm_page_samples; ++i)
    page.sample("http_requests_total",
                fmt::format(R"(handler="/v1/chat/completions/{}",method="POST",status="2xx")", i), load.finished);
  CHECK(page.lines() == vllm_page_lines && page.samples() == vllm_page_samples);
  return page.take();
}

}  // namespace tidegate
