// A scenario as data: one service, what happens to it, and what must be seen. docs/formats/scenarios.md is the
// language; parse_scenario() reads it, run_scenario() plays it. Times count from the start of the scenario.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/model/decision.h"
#include "core/model/observation.h"
#include "core/model/service_spec.h"
#include "lab/scenario/words.h"
#include "lab/sim/arrivals.h"
#include "lab/sim/faults.h"
#include "lab/sim/plant.h"

namespace tidegate {

// Readings handed in step by step; a series that ends earlier keeps its last item.
struct FedSeries {
  std::string signal;               // "in_flight", "ttft_p99", "custom NAME", "ready"
  std::optional<std::size_t> pool;  // of one pool: counts and its own load
  std::vector<Reading> items;
};

struct Feed {
  std::vector<FedSeries> series;
};

struct TrafficPart {
  RateCurve curve;
  double burstiness = 1;
};

struct Run {
  std::vector<TrafficPart> traffic;
};

// What operators do.
struct PauseSteer {};
struct ResumeSteer {};
struct OverrideSteer {
  std::optional<OverrideKind> kind;  // none: takes the override away
  std::int32_t replicas = 0;
};
struct RolloutSteer {};
struct RestartSteer {  // of the controller
  bool keeps_state = true;
};
struct ReloadSteer {  // the specification changes
  ServiceSpec spec;
};
struct Steer {
  Duration at{};
  Duration lasts{};  // zero: for good (an override: an hour)
  std::variant<PauseSteer, ResumeSteer, OverrideSteer, RolloutSteer, RestartSteer, ReloadSteer> what;
};

enum class Relation : std::uint8_t { less, at_most, equal, at_least, more };
template <>
inline constexpr auto enum_texts<Relation> = std::to_array<EnumText<Relation>>({{Relation::less, "<"},
                                                                                {Relation::at_most, "<="},
                                                                                {Relation::equal, "=="},
                                                                                {Relation::at_least, ">="},
                                                                                {Relation::more, ">"}});
[[nodiscard]] bool holds(double value, Relation comparison, double bound);

struct BandBound {
  bool of_floor = true;
  Relation comparison = Relation::at_least;
  double value = 0;
  Word word;
};
struct PoolSize {
  std::string pool;
  std::int32_t replicas = 0;
};

// What must hold for every decision within [from, to].
struct Expectation {
  Place at;
  Duration from{};
  Duration to{};
  std::optional<std::int32_t> size;  // exactly
  std::optional<std::int32_t> size_min;
  std::optional<std::int32_t> size_max;
  std::vector<PoolSize> pools;
  std::optional<Verdict> verdict;
  std::vector<Verdict> verdicts_not;
  std::vector<Reason> because;   // any of them; empty: not asked
  std::vector<Reason> mentions;  // each given by some stage
  std::vector<BandBound> bounds;
  std::vector<Word> kept;  // words that blessing leaves as they are
};

struct ScoreLine {
  Place at;
  std::string measure;  // "attainment", "queue_wait_p95", "recovers"
  Relation comparison = Relation::at_most;
  double bound = 0;
  std::optional<double> minutes;  // for this share of minutes
  Duration after{};               // recovers: the disturbance
};

struct Scenario {
  std::string name;                               // the file, for messages
  ServiceSpec service;                            // its policies are those of `variants`
  std::vector<std::vector<PolicySpec>> variants;  // the scenario is played once with each
  std::vector<std::vector<PolicySpec>> worse;     // with each of these something must not hold
  std::variant<Feed, Run> drive;
  Duration every = 1s;
  Duration length{};  // the last decision is at this time or just before
  std::uint64_t seed = 1;
  std::vector<PlantPool> pools;  // how replicas really behave
  std::vector<Fault> faults;
  std::vector<Steer> steers;  // by time
  std::vector<Expectation> expectations;
  bool exactly = false;  // every decision must be named by an expectation
  std::vector<ScoreLine> scores;

  [[nodiscard]] std::int64_t steps() const { return length / every + 1; }
};

// Reads policies that have no words of their own here, as the configuration spells them: "gcp", or
// "{gcp: {utilization_target: 6}}". Brought by the caller, for nothing in the lab knows YAML.
using ReadPolicy = std::function<Result<std::vector<PolicySpec>>(const std::string& text)>;

// Errors are `name:line:column: what is wrong`. Without `read_policy` only the language's own policies are known.
[[nodiscard]] Result<Scenario> parse_scenario(std::string_view text, std::string name,
                                              const ReadPolicy& read_policy = {});

// Where a fed signal goes: a reading of the observation, or of one pool. Null when there is no such signal.
[[nodiscard]] Reading* fed_reading(Observation& seen, std::string_view signal, std::optional<std::size_t> pool);
// A count of a pool: ready, requested, starting, loading, draining, failed.
[[nodiscard]] std::int32_t* fed_count(PoolObservation& pool, std::string_view name);

}  // namespace tidegate
