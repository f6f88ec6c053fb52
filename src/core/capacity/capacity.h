// What one replica of a pool carries within the SLO, learned online from in-flight, throughput and latency.
//
// Model: with c requests in a replica, a request stays residence(c) = base + slope * c seconds, so by Little's
// law one replica completes rate(c) = c / residence(c) requests per second. Iteration-level batching (an LLM
// engine) and plain slots (slope 0 up to the slots) both fit. `slots` is the largest c that keeps every
// objective, at most the server's own limit; where no objective binds, the knee at which throughput has
// reached 90 % of its asymptote 1/slope. Where more requests missed an objective than may, though nobody waited, and
// clearly fewer at lower concurrency, the slots stay below that (concurrency_limit).
//
// Slots reach at most half beyond the highest concurrency seen; slots that the user gave are passed only as far as more
// was seen, for a server that has just as many looks as if it could do with any. Starts from the spec's hint or
// profile; is refused (fit_poor, saying so) while the data contradict the model.
#pragma once

#include <cstdint>

#include "core/base/enum_text.h"
#include "core/base/time.h"
#include "core/capacity/capacity_state.h"
#include "core/model/service_spec.h"

namespace tidegate {

enum class CapacityBasis : std::uint8_t { unknown, hinted, learned, refused };
template <>
inline constexpr auto enum_texts<CapacityBasis> = std::to_array<EnumText<CapacityBasis>>({
    {CapacityBasis::unknown, "unknown"},
    {CapacityBasis::hinted, "hinted"},
    {CapacityBasis::learned, "learned"},
    {CapacityBasis::refused, "refused"},
});

struct Capacity {
  double slots = 1;  // requests served at once within the SLO, per replica; > 0
  // Requests to hand to a replica at once: as `slots`, but not bounded by what was seen so far (only trying teaches).
  double admit = 128;
  double residence_base = 1;   // seconds
  double residence_slope = 0;  // seconds per concurrent request
  CapacityBasis basis = CapacityBasis::unknown;
  double error = 0;  // mean relative error of the fit, when learned or refused

  [[nodiscard]] double residence(double concurrency) const { return residence_base + residence_slope * concurrency; }
  // Requests per second of one replica at its slots.
  [[nodiscard]] double rate() const { return slots / residence(slots); }
  // Mean concurrency one replica would show at a rate below rate(): c = rate * residence(c).
  [[nodiscard]] double concurrency_at(double rate) const;
};

// One tick's evidence for a pool: ready replicas only; warming ones never count.
struct CapacityEvidence {
  Duration interval{};
  double ready = 0;        // replicas
  double in_flight = 0;    // mean over the interval, all replicas together
  double completions = 0;  // over the interval, all replicas together
  double queued = 0;       // waiting for a slot anywhere; a breach under a queue says nothing of slots
  double itl_mean = 0;     // seconds; 0 = not measured
  // Requests that ended, held against the objectives; where nobody counts them, what a quantile beyond its bound says.
  double judged = 0;
  double missed = 0;
  bool latency_known = false;
  double breached_share = 0;  // 1 - p of the strictest quantile beyond its bound; 0 = all held
};

void observe(CapacityState& state, Instant now, const CapacityEvidence& seen);
// Requests wait, and nothing else is known: what ends in the next minute may be late because of that.
void end_quiet(CapacityState& state);
[[nodiscard]] Capacity capacity(const CapacityState& state, const PoolSpec& pool, const Slo& slo);

}  // namespace tidegate
