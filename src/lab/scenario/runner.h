// Plays a scenario and says what did not hold.
//
// A feed hands the given readings to the decider, step by step; pools follow its decisions with their cold
// start unless their counts are fed. A run closes the loop: traffic into a plant, its observation to the
// decider, the decision back to the plant (not in shadow mode). Every scenario is also held to determinism:
// playing it twice, replaying what was recorded with the pools in reverse order, and replaying from a saved
// state in mid-run must all give the same decisions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lab/scenario/decider.h"
#include "lab/scenario/scenario.h"
#include "lab/sim/scorecard.h"

namespace tidegate {

enum class RestartKind : std::uint8_t { none, kept, lost };

// One decision and all it was made from.
struct StepRecord {
  Duration at{};
  std::size_t spec = 0;                     // index into Recording::specs
  RestartKind restart = RestartKind::none;  // just before this step
  Observation seen;
  Decision decision;
  std::vector<std::byte> checkpoint;  // the state before this step, at a few steps
};

struct Recording {
  std::string policies;            // "slo", "target+schedule"
  std::vector<ServiceSpec> specs;  // the first one, then one for each reload
  std::vector<StepRecord> steps;
  std::optional<Scorecard> card;      // of a run
  std::optional<std::string> broken;  // a state that could not be read back, say
};

// Plays one variant (an index into scenario.variants).
[[nodiscard]] Recording play(const Scenario& scenario, std::size_t variant, const MakeDecider& make);

struct Failure {
  Place at;
  std::string message;  // "name:line:column: ..."
  std::string trace;    // of the decision in question; may be empty
};

[[nodiscard]] std::vector<Failure> check_expectations(const Scenario& scenario, const Recording& recording);
[[nodiscard]] std::vector<Failure> check_scores(const Scenario& scenario, const Recording& recording);
[[nodiscard]] std::vector<Failure> check_determinism(const Scenario& scenario, std::size_t variant,
                                                     const Recording& recording, const MakeDecider& make);

// Whether one decision is what the expectation says.
[[nodiscard]] bool meets(const Expectation& expected, const Decision& decision);

struct ScenarioResult {
  std::int64_t decisions = 0;
  std::vector<Failure> failures;
};

// Everything above, for every variant; and that each of `worse` fails an expectation or a score.
[[nodiscard]] ScenarioResult run_scenario(const Scenario& scenario, const MakeDecider& make);

// The text with every exact expectation (sizes, verdicts, reasons) that does not hold rewritten to what was
// decided. Bounds, ranges and scores are promises and stay. Refuses a scenario with several variants whose
// decisions differ, by leaving it as it is.
[[nodiscard]] std::string bless(const Scenario& scenario, std::string_view text, const MakeDecider& make);

// "chat @30s   set 8 (was 1)   load_rise" and a line for each stage.
[[nodiscard]] std::string describe(const Decision& decision, Duration at);

}  // namespace tidegate
