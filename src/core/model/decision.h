// What `decide` answers: a verdict, its reason, the size of each pool, and the trace that explains it.
// Logs, events, metrics and API answers are rendered from it afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/quantity.h"
#include "core/base/time.h"
#include "core/model/band.h"
#include "core/model/reason.h"

namespace tidegate {

enum class Verdict : std::uint8_t { raise, lower, hold, move };
template <>
inline constexpr auto enum_texts<Verdict> = std::to_array<EnumText<Verdict>>(
    {{Verdict::raise, "raise"}, {Verdict::lower, "lower"}, {Verdict::hold, "hold"}, {Verdict::move, "move"}});

enum class Stage : std::uint8_t { observe, forecast, size, band, mix, budget, guard };
template <>
inline constexpr auto enum_texts<Stage> = std::to_array<EnumText<Stage>>({{Stage::observe, "observe"},
                                                                          {Stage::forecast, "forecast"},
                                                                          {Stage::size, "size"},
                                                                          {Stage::band, "band"},
                                                                          {Stage::mix, "mix"},
                                                                          {Stage::budget, "budget"},
                                                                          {Stage::guard, "guard"}});

// A named number behind a stage: {"rate", 14.2}. Names are literals, so a trace costs no allocation per fact.
struct Fact {
  std::string_view name;
  double value = 0;
  friend bool operator==(const Fact&, const Fact&) = default;
};

// One line of the trace: what went in, what came out, why. `before` and `after` are in the stage's own unit
// (observe: load in requests; forecast: requests per second; size and band: weighted replicas; mix, budget
// and guard: replicas).
struct StageTrace {
  Stage stage = Stage::observe;
  double before = 0;
  double after = 0;
  Reason reason = Reason::steady;
  std::string_view note;  // a literal: the forecaster trusted, the winning policy, the binding rule
  std::vector<Fact> facts;
  friend bool operator==(const StageTrace&, const StageTrace&) = default;
};

struct PoolDecision {
  std::string pool;
  Replicas replicas{0};  // committed: ready + warming, draining ones excluded
  double slots = 0;      // requests to hand to one replica at once; the rest waits in the gateway
  double weight = 1;     // weighted replicas one replica counts
  friend bool operator==(const PoolDecision&, const PoolDecision&) = default;
};

// What a peer would have: shown beside us, never acted on.
struct PeerDecision {
  std::string_view policy;
  Replicas replicas{0};
  friend bool operator==(const PeerDecision&, const PeerDecision&) = default;
};

struct Decision {
  Instant now{};
  std::string service;
  Verdict verdict = Verdict::hold;
  Reason reason = Reason::steady;
  std::vector<PoolDecision> pools;
  Band band;
  std::vector<StageTrace> stages;
  std::vector<PeerDecision> peers;
  // What is expected of it.
  Duration lead_time{};
  Duration hold_time{};
  double demand_rate = 0;          // requests per second, smoothed present
  double demand_expected = 0;      // requests per second at the lead time, at the leading quantile
  std::optional<Instant> unlocks;  // when a time-bound hold (rate, dwell, hold_down, override) ends

  [[nodiscard]] Replicas total() const {
    Replicas sum{0};
    for (const auto& pool : pools) sum += pool.replicas;
    return sum;
  }
  friend bool operator==(const Decision&, const Decision&) = default;
};

}  // namespace tidegate
