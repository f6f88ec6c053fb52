// The parts of the scenario parser: one function per block, each reading one line.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "lab/scenario/scenario.h"
#include "lab/scenario/words.h"

namespace tidegate {

// service NAME: knobs of core/model/service_spec.h. `variants` collects the alternatives of `policy` lines.
void parse_service_line(WordReader& words, Scenario& scenario, const ReadPolicy& read_policy);
[[nodiscard]] std::vector<std::vector<PolicySpec>> parse_policies(WordReader& words, const ReadPolicy& read_policy);

// feed ..., run ...: first the opening line, then one call for each line in it.
void open_drive(WordReader& words, Scenario& scenario);
void parse_drive_line(WordReader& words, Scenario& scenario, const ReadPolicy& read_policy);
[[nodiscard]] TrafficPart parse_traffic(WordReader& words, Duration length);
[[nodiscard]] std::vector<Reading> parse_series(WordReader& words, Duration every);
void parse_event(WordReader& words, Scenario& scenario, const ReadPolicy& read_policy);

void parse_expect_line(WordReader& words, Scenario& scenario);
void parse_score_line(WordReader& words, Scenario& scenario);

// The pool named by the next word or by `pool=NAME`; the first one when it is left out.
[[nodiscard]] std::optional<std::size_t> pool_index(const Scenario& scenario, std::string_view name);
[[nodiscard]] std::size_t pool_option(WordReader& words, const Scenario& scenario);

}  // namespace tidegate
