// What an emulated server counts, and the page on which it says so: the names, labels and buckets of vLLM V1
// (vllm/v1/metrics/loggers.py). Times are seconds.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "lab/sim/engine.h"

namespace tidegate {

class BucketCounts {
 public:
  explicit BucketCounts(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}
  void observe(double value, std::uint64_t times = 1);

  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  [[nodiscard]] std::uint64_t in_bucket(std::size_t index) const { return counts_[index]; }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;  // not cumulative; the last one is beyond every bound
  double sum_ = 0;
};

enum class FinishReason : std::uint8_t { stop, length, abort, error };

// One request from beginning to end.
struct GenerationRecord {
  Instant arrival{};
  Instant begun{};
  Instant first_token{};
  Instant last_token{};
  std::int32_t input_tokens = 0;
  std::int32_t produced = 0;
  std::int32_t tokens_max = 0;  // 0: not asked
  std::int32_t cached_tokens = 0;
};

struct MetricsPageStyle {
  std::string model;
  double started = 0;  // seconds since the epoch
  bool is_absent = false;
  bool is_nan = false;
};

class ServerMetrics {
 public:
  ServerMetrics();

  void first_token(const GenerationRecord& request);
  void next_token(Duration since_last);
  void step_ended(std::int64_t tokens) { iteration_tokens_.observe(static_cast<double>(tokens)); }
  void finished(const GenerationRecord& request, FinishReason reason);

  [[nodiscard]] std::string page(const EngineProfile& profile, const EngineLoad& load,
                                 const MetricsPageStyle& style) const;

 private:
  std::uint64_t input_tokens_ = 0, output_tokens_ = 0, prefix_queries_ = 0, prefix_hits_ = 0;
  std::array<std::uint64_t, 4> finished_{};
  BucketCounts ttft_, inter_token_, per_output_token_, latency_, queue_, inference_, prefill_, decode_;
  BucketCounts iteration_tokens_, request_input_, request_output_, request_output_max_, asked_max_, asked_n_;
};

}  // namespace tidegate
