// One replica's batching engine, stepped iteration by iteration: shared by the simulator (virtual time) and
// the emulated model server (real time), so both behave alike by construction.
//
//   step = alpha + beta * tokens processed in the step + gamma * KV tokens read
//
// Continuous batching with chunked prefill: each step decodes one token for every running request and fills
// the rest of the token budget with prefill chunks of the oldest unfinished prompts. KV blocks grow in decode;
// when none is free the youngest request is preempted and later recomputed. No clock: the caller advances time.
// Source of the model and its figures: docs/designs, profiles/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

struct EngineProfile {
  std::string name;
  double alpha_ms = 6.70;            // fixed cost of a step
  double beta_ms = 0.0208;           // per token processed
  double gamma_ms = 4.91e-5;         // per KV token read
  std::int64_t kv_tokens = 400'000;  // KV cache size
  std::int32_t block_tokens = 16;
  std::int32_t running_max = 256;       // max_num_seqs
  std::int32_t step_tokens_max = 8192;  // max_num_batched_tokens
  std::int32_t waiting_max = 10'000;
};

using EngineRequestId = std::uint64_t;

struct EngineEvent {
  enum class Kind : std::uint8_t { token, finished };  // a request's first token is its TTFT
  EngineRequestId request = 0;
  Kind kind = Kind::token;
  bool is_first = false;
};

struct EngineLoad {
  std::int32_t running = 0;
  std::int32_t waiting = 0;
  std::int64_t kv_tokens_used = 0;
  double kv_usage = 0;  // 0..1
  std::uint64_t preemptions = 0;
};

class Engine {
 public:
  explicit Engine(EngineProfile profile);

  // Queues a request; false when the waiting list is full. output_tokens >= 1.
  [[nodiscard]] bool add(EngineRequestId id, std::int32_t input_tokens, std::int32_t output_tokens);
  // Drops a request wherever it is. Unknown ids are ignored.
  void cancel(EngineRequestId id);

  // Plans and performs one iteration: its duration, and the tokens it yields at its end. Zero when idle.
  Duration step(std::vector<EngineEvent>& events);

  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] EngineLoad load() const;
  [[nodiscard]] const EngineProfile& profile() const { return profile_; }

 private:
  struct Sequence {
    EngineRequestId id = 0;
    std::int32_t input = 0;
    std::int32_t output = 0;
    std::int32_t prefilled = 0;
    std::int32_t produced = 0;
    std::int32_t blocks = 0;
  };
  EngineProfile profile_;
  std::vector<Sequence> running_;
  std::vector<Sequence> waiting_;
  std::int64_t blocks_free_ = 0;
  std::uint64_t preemptions_ = 0;
};

}  // namespace tidegate
