#include "lab/sim/engine.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace tidegate {

Engine::Engine(EngineProfile profile) : profile_(std::move(profile)) {
  CHECK(profile_.alpha_ms > 0 && profile_.beta_ms >= 0 && profile_.gamma_ms >= 0);
  CHECK(profile_.block_tokens > 0 && profile_.step_tokens_max > 0 && profile_.running_max > 0);
  // Every decoder gets its token in every step.
  profile_.running_max = std::min(profile_.running_max, profile_.step_tokens_max);
  blocks_total_ = profile_.kv_tokens / profile_.block_tokens;
  CHECK(blocks_total_ > 0);
  blocks_free_ = blocks_total_;
  blocks_spare_ = blocks_total_ / 100;
  phases_.assign(static_cast<std::size_t>(profile_.block_tokens), 0);
}

std::int64_t Engine::blocks_for(std::int64_t tokens) const {
  return (tokens + profile_.block_tokens - 1) / profile_.block_tokens;
}

std::int64_t Engine::context(const Sequence& decoder) const {
  return decoder.prompt + static_cast<std::int64_t>(clock_ - decoder.joined);
}

// A decoder whose tokens fill its blocks exactly needs a new one for the next token.
std::size_t Engine::phase(const Sequence& decoder) const {
  const auto block = static_cast<std::uint64_t>(profile_.block_tokens);
  const auto filled = static_cast<std::uint64_t>(decoder.prompt) % block;
  return static_cast<std::size_t>((decoder.joined + block - filled) % block);
}

EngineAnswer Engine::add(const EngineRequest& request) {
  if (request.input_tokens < 1 || request.output_tokens < 1) return EngineAnswer::too_long;
  const std::int64_t longest = static_cast<std::int64_t>(request.input_tokens) + request.output_tokens - 1;
  if (blocks_for(longest) > blocks_total_) return EngineAnswer::too_long;
  if (std::cmp_greater_equal(waiting_.size(), profile_.waiting_max)) return EngineAnswer::line_full;
  if (unused_.empty()) {
    unused_.push_back(static_cast<Slot>(sequences_.size()));
    sequences_.emplace_back();
  }
  const Slot slot = unused_.back();
  unused_.pop_back();
  sequences_[slot] = {.id = request.id,
                      .input = request.input_tokens,
                      .output = request.output_tokens,
                      // At least one token is computed: it yields the first one of the output.
                      .cached = std::clamp(request.cached_tokens, 0, request.input_tokens - 1)};
  waiting_.push_back(slot);
  return EngineAnswer::queued;
}

// Takes a decoder out of the sums; the caller takes it out of running_.
void Engine::forget_decoder(std::size_t place) {
  const Sequence& decoder = sequences_[running_[place]];
  const std::int64_t tokens = context(decoder);
  context_sum_ -= tokens;
  blocks_free_ += blocks_for(tokens);
  --phases_[phase(decoder)];
  finish_.erase(finish_.begin() + static_cast<std::ptrdiff_t>(place));
  --decoders_;
}

void Engine::find_next_finish() {
  finish_next_ = UINT64_MAX;
  for (const std::uint64_t at : finish_) finish_next_ = std::min(finish_next_, at);
}

void Engine::cancel(EngineRequestId id) {
  const auto is_it = [&](Slot slot) { return sequences_[slot].id == id; };
  if (const auto found = std::ranges::find_if(running_, is_it); found != running_.end()) {
    const auto place = static_cast<std::size_t>(found - running_.begin());
    if (place < decoders_)
      forget_decoder(place);
    else
      blocks_free_ += blocks_for(sequences_[*found].prompt);
    unused_.push_back(*found);
    running_.erase(found);
    find_next_finish();
  } else if (const auto queued = std::ranges::find_if(waiting_, is_it); queued != waiting_.end()) {
    unused_.push_back(*queued);
    waiting_.erase(queued);
  }
}

void Engine::preempt_youngest() {
  const Slot slot = running_.back();
  Sequence& sequence = sequences_[slot];
  if (decoders_ == running_.size()) {
    forget_decoder(decoders_ - 1);
    sequence.produced += static_cast<std::int32_t>(clock_ - sequence.joined);
  } else {
    blocks_free_ += blocks_for(sequence.prompt);
  }
  running_.pop_back();
  waiting_.push_front(slot);
  ++preemptions_;
}

// Gives this step's decoders their new blocks. True when somebody had to go.
bool Engine::make_room() {
  const auto due = static_cast<std::size_t>(clock_ % static_cast<std::uint64_t>(profile_.block_tokens));
  bool preempted = false;
  while (phases_[due] > blocks_free_) {
    preempt_youngest();
    preempted = true;
  }
  if (preempted) find_next_finish();
  blocks_free_ -= phases_[due];
  return preempted;
}

// Goes on with prompts begun earlier; answers the budget left.
std::int32_t Engine::prefill(std::int32_t budget, std::int64_t& kv_read) {
  for (std::size_t place = decoders_; place < running_.size() && budget > 0; ++place) {
    Sequence& sequence = sequences_[running_[place]];
    const std::int32_t chunk = std::min(budget, sequence.prompt - sequence.prefilled);
    sequence.prefilled += chunk;
    kv_read += sequence.prefilled;
    budget -= chunk;
  }
  return budget;
}

void Engine::admit(std::int32_t& budget, std::int64_t& kv_read, std::vector<EngineEvent>& events) {
  while (budget > 0 && !waiting_.empty() && std::cmp_less(running_.size(), profile_.running_max)) {
    const Slot slot = waiting_.front();
    Sequence& sequence = sequences_[slot];
    const std::int32_t prompt = sequence.input + sequence.produced;
    const std::int64_t blocks = blocks_for(prompt);
    if (blocks > blocks_free_ - (running_.empty() ? 0 : blocks_spare_)) return;
    blocks_free_ -= blocks;
    waiting_.pop_front();
    running_.push_back(slot);
    sequence.prompt = prompt;
    // What was cached before a preemption may be gone.
    sequence.prefilled = sequence.has_begun ? 0 : sequence.cached;
    const std::int32_t chunk = std::min(budget, prompt - sequence.prefilled);
    sequence.prefilled += chunk;
    kv_read += sequence.prefilled;
    budget -= chunk;
    if (!std::exchange(sequence.has_begun, true))
      events.push_back({.request = sequence.id, .kind = EngineEvent::Kind::begun});
  }
}

// Every decoder gets its token; those with their last one leave.
void Engine::decode(std::vector<EngineEvent>& events, bool every_token) {
  if (decoders_ == 0) return;
  context_sum_ += static_cast<std::int64_t>(decoders_);
  ++clock_;
  const bool anybody_ends = clock_ == finish_next_;
  if (every_token)
    for (std::size_t place = 0; place < decoders_; ++place)
      events.push_back({.request = sequences_[running_[place]].id, .is_last = finish_[place] == clock_});
  if (!anybody_ends) return;
  std::size_t kept = 0;
  finish_next_ = UINT64_MAX;
  const std::size_t before = decoders_;
  for (std::size_t place = 0; place < before; ++place) {
    const Slot slot = running_[place];
    if (finish_[place] != clock_) {
      finish_next_ = std::min(finish_next_, finish_[place]);
      finish_[kept] = finish_[place];
      running_[kept++] = slot;
      continue;
    }
    const Sequence& sequence = sequences_[slot];
    if (!every_token) events.push_back({.request = sequence.id, .is_last = true});
    const std::int64_t tokens = context(sequence);
    context_sum_ -= tokens;
    blocks_free_ += blocks_for(tokens);
    --phases_[phase(sequence)];
    unused_.push_back(slot);
  }
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(kept),
                 running_.begin() + static_cast<std::ptrdiff_t>(before));
  finish_.resize(kept);
  decoders_ = kept;
}

// Prompts that are through yield a token and decode from the next step on.
void Engine::join_decoders(std::vector<EngineEvent>& events, bool every_token) {
  while (decoders_ < running_.size()) {
    const Slot slot = running_[decoders_];
    Sequence& sequence = sequences_[slot];
    if (sequence.prefilled < sequence.prompt) return;
    const bool is_first = sequence.produced == 0;
    ++sequence.produced;
    const bool is_last = sequence.produced == sequence.output;
    if (every_token || is_first || is_last)
      events.push_back({.request = sequence.id, .is_first = is_first, .is_last = is_last});
    if (is_last) {
      blocks_free_ += blocks_for(sequence.prompt);
      unused_.push_back(slot);
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(decoders_));
      continue;
    }
    sequence.joined = clock_;
    context_sum_ += sequence.prompt;
    ++phases_[phase(sequence)];
    finish_.push_back(clock_ + static_cast<std::uint64_t>(sequence.output - sequence.produced));
    finish_next_ = std::min(finish_next_, finish_.back());
    ++decoders_;
  }
}

Duration Engine::iterate(std::vector<EngineEvent>& events, bool every_token) {
  const bool preempted = make_room();
  const auto decoding = static_cast<std::int64_t>(decoders_);
  const std::int32_t budget = profile_.step_tokens_max - static_cast<std::int32_t>(decoding);
  std::int64_t kv_read = context_sum_ + decoding;
  std::int32_t left = prefill(budget, kv_read);
  if (!preempted) admit(left, kv_read, events);
  const bool prefills = decoders_ < running_.size();
  step_tokens_ = decoding + budget - left;
  const Duration took = step_time(step_tokens_, kv_read);
  decode(events, every_token);
  if (prefills) join_decoders(events, every_token);
  ++steps_;
  return took;
}

Duration Engine::step(std::vector<EngineEvent>& events) { return is_idle() ? Duration{} : iterate(events, true); }

Duration Engine::step_time(std::int64_t tokens, std::int64_t kv_read) const {
  const double milliseconds = profile_.alpha_ms + profile_.beta_ms * static_cast<double>(tokens) +
                              profile_.gamma_ms * static_cast<double>(kv_read);
  return Duration{static_cast<std::int64_t>(milliseconds * 1e6 + 0.5)};
}

// Whether the first one waiting might be admitted in the next step. While all others decode, blocks only get fewer, so
// a no stays one until somebody ends.
bool Engine::front_fits() const {
  if (waiting_.empty() || std::cmp_greater_equal(running_.size(), profile_.running_max)) return false;
  if (std::cmp_greater_equal(decoders_, profile_.step_tokens_max)) return false;
  const Sequence& front = sequences_[waiting_.front()];
  return blocks_for(front.input + front.produced) <= blocks_free_ - (running_.empty() ? 0 : blocks_spare_);
}

// Steps from now in which everybody finds their block, up to `most`.
std::int64_t Engine::steps_with_blocks(std::int64_t most) const {
  const auto decoding = static_cast<std::int64_t>(decoders_);
  const std::int64_t cycles = blocks_free_ / decoding;  // in a cycle of block_tokens steps everybody needs one block
  std::int64_t sure = cycles * profile_.block_tokens;
  if (most <= sure) return most;
  std::int64_t left = blocks_free_ - cycles * decoding;
  const auto block = static_cast<std::uint64_t>(profile_.block_tokens);
  for (; sure < most; ++sure) {
    left -= phases_[static_cast<std::size_t>((clock_ + static_cast<std::uint64_t>(sure)) % block)];
    if (left < 0) return sure;
  }
  return most;
}

// Steps from now that do nothing but decode, end nobody and find their blocks.
std::int64_t Engine::cruise_steps() const {
  if (decoders_ == 0 || decoders_ != running_.size() || front_fits()) return 0;
  return steps_with_blocks(static_cast<std::int64_t>(finish_next_ - clock_) - 1);
}

Duration Engine::cruise_time(std::int64_t steps) const {
  const auto n = static_cast<double>(steps);
  const auto decoding = static_cast<double>(decoders_);
  const double each =
      profile_.alpha_ms + profile_.beta_ms * decoding + profile_.gamma_ms * static_cast<double>(context_sum_);
  const double milliseconds = n * each + profile_.gamma_ms * decoding * (n * (n + 1) / 2);
  return Duration{static_cast<std::int64_t>(milliseconds * 1e6 + 0.5)};
}

void Engine::jump(std::int64_t steps) {
  const auto decoding = static_cast<std::int64_t>(decoders_);
  blocks_free_ -= steps / profile_.block_tokens * decoding;
  const auto block = static_cast<std::uint64_t>(profile_.block_tokens);
  for (std::int64_t i = 0; i < steps % profile_.block_tokens; ++i)
    blocks_free_ -= phases_[static_cast<std::size_t>((clock_ + static_cast<std::uint64_t>(i)) % block)];
  context_sum_ += steps * decoding;
  clock_ += static_cast<std::uint64_t>(steps);
  steps_ += static_cast<std::uint64_t>(steps);
  step_tokens_ = decoding;
}

Duration Engine::cruise() const {
  const std::int64_t steps = cruise_steps();
  if (steps == 0) return {};
  const Duration before_last = cruise_time(steps);
  const auto all = static_cast<std::int64_t>(finish_next_ - clock_);
  if (steps + 1 != all || steps_with_blocks(all) != all) return before_last;
  const auto decoding = static_cast<std::int64_t>(decoders_);
  return before_last + step_time(decoding, context_sum_ + decoding * (steps + 1));
}

Duration Engine::leap(Duration limit, std::vector<EngineEvent>& events) {
  Duration passed{};
  while (!is_idle() && passed < limit) {
    if (std::int64_t steps = cruise_steps(); steps > 0) {
      // The fewest that reach the limit.
      for (std::int64_t least = 0; cruise_time(steps) > limit - passed && steps - least > 1;) {
        const std::int64_t middle = least + (steps - least) / 2;
        (cruise_time(middle) >= limit - passed ? steps : least) = middle;
      }
      passed += cruise_time(steps);
      jump(steps);
      continue;
    }
    const std::size_t before = events.size();
    passed += iterate(events, false);
    const bool milestone = std::any_of(events.begin() + static_cast<std::ptrdiff_t>(before), events.end(),
                                       [](const EngineEvent& event) { return event.is_first || event.is_last; });
    if (milestone) break;
  }
  return passed;
}

EngineLoad Engine::load() const {
  const std::int64_t used = blocks_total_ - blocks_free_;
  return {.running = static_cast<std::int32_t>(running_.size()),
          .waiting = static_cast<std::int32_t>(waiting_.size()),
          .kv_tokens_used = used * profile_.block_tokens,
          .kv_usage = static_cast<double>(used) / static_cast<double>(blocks_total_),
          .preemptions = preemptions_,
          .steps = steps_,
          .step_tokens = step_tokens_};
}

}  // namespace tidegate
