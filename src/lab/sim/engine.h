// One replica's batching engine, stepped iteration by iteration: shared by the simulator (virtual time) and the
// emulated model server (real time), so both behave alike by construction. No clock: the caller advances time.
//
//   step = alpha + beta * tokens processed + gamma * KV tokens read
//
// A step decodes one token for every request past its prompt, fills what is left of the token budget with chunks of
// the oldest unfinished prompts, then admits waiting requests, first come first served, while their prompt fits the
// KV cache (beside others a hundredth of it stays free). The step that ends a prompt yields its first token. KV
// blocks grow in decode; when none is free the youngest request loses its blocks, waits at the head of the line and
// is recomputed, prompt and output so far, and nobody is admitted in that step. So the oldest always gets on.
//
// Worked: alpha 10 ms, beta 0.1 ms, gamma 0.001 ms. One request, input 100, output 3, alone: the first step prefills
// 100 tokens and reads 100: 20.1 ms, first token. The second decodes: 10 + 0.1 + 0.001 * 101 = 10.201 ms, the third
// 10.202 ms and is the last.
//
// A run of steps that only decode, d requests with C tokens in the cache, is leapt in one:
//
//   n steps = n (alpha + beta d + gamma C) + gamma d n (n + 1) / 2
//
// Invariants: blocks used never exceed the cache; what was queued finishes or is cancelled. A leap over any number of
// steps that only decode costs constant time; a step that ends a request O(running).
#pragma once

#include <cstdint>
#include <deque>
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
  std::int32_t running_max = 256;       // max_num_seqs; at most step_tokens_max
  std::int32_t step_tokens_max = 8192;  // max_num_batched_tokens
  std::int32_t waiting_max = 10'000;

  friend bool operator==(const EngineProfile&, const EngineProfile&) = default;
};

using EngineRequestId = std::uint64_t;  // the caller's; two requests in the engine never share one

struct EngineRequest {
  EngineRequestId id = 0;
  std::int32_t input_tokens = 1;
  std::int32_t output_tokens = 1;
  std::int32_t cached_tokens = 0;  // of the input, found in a prefix cache: they need blocks but no computing
};

enum class EngineAnswer : std::uint8_t {
  queued,
  line_full,  // waiting_max are waiting
  too_long,   // would not fit the KV cache even alone; also lengths below one
};

struct EngineEvent {
  enum class Kind : std::uint8_t {
    begun,  // admitted, at the beginning of the step; once for a request
    token,  // at the end of the step
  };
  EngineRequestId request = 0;
  Kind kind = Kind::token;
  bool is_first = false;
  bool is_last = false;
  friend bool operator==(const EngineEvent&, const EngineEvent&) = default;
};

struct EngineLoad {
  std::int32_t running = 0;
  std::int32_t waiting = 0;
  std::int64_t kv_tokens_used = 0;  // in whole blocks
  double kv_usage = 0;              // 0..1
  std::uint64_t preemptions = 0;    // since the beginning
  std::uint64_t steps = 0;
  std::int64_t step_tokens = 0;  // processed in the last step
};

class Engine {
 public:
  explicit Engine(EngineProfile profile);

  [[nodiscard]] EngineAnswer add(const EngineRequest& request);
  // Drops a request wherever it is. Unknown ids are ignored. O(requests).
  void cancel(EngineRequestId id);

  // Performs one iteration and appends what it yields, every token. Its duration; zero when idle.
  Duration step(std::vector<EngineEvent>& events);
  // Performs iterations until one yields a first or last token, or `limit` has passed (the iteration under way then
  // is ended). Appends only those tokens, and who began. What was passed; zero when idle.
  Duration leap(Duration limit, std::vector<EngineEvent>& events);

  // How long until the next milestone while nothing is added, when only decoding lies before it; zero otherwise:
  // the next iteration admits, prefills or is the last one of a request.
  [[nodiscard]] Duration cruise() const;

  [[nodiscard]] bool is_idle() const { return running_.empty() && waiting_.empty(); }
  [[nodiscard]] EngineLoad load() const;
  [[nodiscard]] const EngineProfile& profile() const { return profile_; }

 private:
  struct Sequence {
    EngineRequestId id = 0;
    std::int32_t input = 0;
    std::int32_t output = 0;
    std::int32_t produced = 0;  // of the output; a decoder's since `joined` are on top
    std::int32_t prompt = 0;    // tokens to have in the cache before the next token: input, or recomputed
    std::int32_t prefilled = 0;
    std::int32_t cached = 0;
    std::uint64_t joined = 0;  // decode clock when its prompt was through
    bool has_begun = false;
  };
  using Slot = std::uint32_t;

  [[nodiscard]] std::int64_t cruise_steps() const;
  [[nodiscard]] std::int64_t steps_with_blocks(std::int64_t most) const;
  [[nodiscard]] bool front_fits() const;
  [[nodiscard]] Duration cruise_time(std::int64_t steps) const;
  [[nodiscard]] Duration step_time(std::int64_t tokens, std::int64_t kv_read) const;
  void jump(std::int64_t steps);
  [[nodiscard]] Duration iterate(std::vector<EngineEvent>& events, bool every_token);
  [[nodiscard]] bool make_room();
  void preempt_youngest();
  [[nodiscard]] std::int32_t prefill(std::int32_t budget, std::int64_t& kv_read);
  void admit(std::int32_t& budget, std::int64_t& kv_read, std::vector<EngineEvent>& events);
  void decode(std::vector<EngineEvent>& events, bool every_token);
  void join_decoders(std::vector<EngineEvent>& events, bool every_token);
  void find_next_finish();
  void forget_decoder(std::size_t place);
  [[nodiscard]] std::int64_t blocks_for(std::int64_t tokens) const;
  [[nodiscard]] std::int64_t context(const Sequence& decoder) const;
  [[nodiscard]] std::size_t phase(const Sequence& decoder) const;

  EngineProfile profile_;
  std::vector<Sequence> sequences_;  // by slot
  std::vector<Slot> unused_;
  std::vector<Slot> running_;  // by age; the first `decoders_` decode, the rest still prefill
  std::size_t decoders_ = 0;
  std::deque<Slot> waiting_;
  std::vector<std::uint64_t> finish_;  // of each decoder, in their order: the decode clock after its last token
  std::uint64_t finish_next_ = UINT64_MAX;
  std::uint64_t clock_ = 0;           // decode steps so far
  std::vector<std::int32_t> phases_;  // decoders that need a new block when clock_ % block_tokens is the index
  std::int64_t context_sum_ = 0;      // tokens in the cache of all decoders
  std::int64_t blocks_total_ = 0;
  std::int64_t blocks_free_ = 0;
  std::int64_t blocks_spare_ = 0;  // kept free at admission while others run
  std::uint64_t preemptions_ = 0;
  std::uint64_t steps_ = 0;
  std::int64_t step_tokens_ = 0;
};

}  // namespace tidegate
