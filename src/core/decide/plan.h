// What is worked on while one service is decided: handed from stage to stage, gone afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/capacity/capacity.h"
#include "core/decide/state.h"
#include "core/forecast/forecast.h"
#include "core/model/decision.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"
#include "core/policy/policy.h"

namespace tidegate {

struct PoolPlan {
  const PoolSpec* spec = nullptr;
  const PoolObservation* seen = nullptr;  // null: nothing is known of the pool; it counts as empty
  Capacity capacity;
  Duration lead_time{};
  Duration boot_time{};      // what a start typically takes, as the lead time is a cautious guess
  double weight = 1;         // weighted replicas of one replica
  double cost = 1;           // per replica and hour: US dollars, else GPUs, else 1
  bool meets_slo = true;     // a single request alone would be served within the objectives
  std::int32_t present = 0;  // committed: ready and warming
  std::int32_t ready = 0;
  std::int32_t warming = 0;
  std::int32_t unplaced = 0;  // of the warming ones: no place was found for them yet
  std::int32_t most = 0;      // committed replicas the pool may have: its own maximum, what can be placed, failures
  Reason most_reason = Reason::pool_at_max;  // why not more
  std::int32_t target = 0;                   // what is decided

  [[nodiscard]] double ratio() const { return cost / weight; }
  [[nodiscard]] std::int32_t room() const { return most > target ? most - target : 0; }
};

// A stage's answer: one line of the trace, without the stage's name.
struct StageResult {
  double before = 0;
  double after = 0;
  Reason reason = Reason::steady;
  std::string_view note = {};
  std::vector<Fact> facts = {};
};

struct ServicePlan {
  const ServiceSpec& spec;
  const Observation& seen;
  ServiceState state;
  Decision decision;

  Duration interval{};   // since the observation before
  Duration boot_time{};  // of the pool bought next
  Demand demand;
  Forecast at_lead;
  Forecast over_hold;
  std::vector<PoolPlan> pools;  // in the order of the spec
  bool may_lower = true;        // every policy has evidence
  Reason quality = Reason::steady;
  bool slo_unreachable = false;
  // Why the mix differs from the band, and what the guards did; steady: nothing.
  Reason change_reason = Reason::steady;
  Reason held_reason = Reason::steady;
  std::optional<Instant> unlocks;

  [[nodiscard]] std::int32_t present() const;
  [[nodiscard]] std::int32_t target() const;
  [[nodiscard]] double weighted_present() const;
  [[nodiscard]] double weighted_target() const;
  [[nodiscard]] std::int32_t warming() const;
  [[nodiscard]] double cost() const;  // of the targets
};

// The places of all pools: cheapest per weight first, equal ones in the order of their names.
[[nodiscard]] std::vector<std::size_t> cheapest_first(const ServicePlan& plan);

// Forgiven to sums of weights.
inline constexpr double rounding = 1e-9;

// The least whole number not below x, and the greatest not above, with `rounding` forgiven.
[[nodiscard]] double whole_above(double x);
[[nodiscard]] double whole_below(double x);

}  // namespace tidegate
