#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "lab/scenario/runner.h"

namespace tidegate {
namespace {

constexpr std::size_t failures_shown = 5;

std::string actual(const Expectation& expected, const Decision& decision) {
  std::string text = fmt::format("{}", decision.total().value());
  for (const auto& [name, size] : expected.pools)
    for (const auto& pool : decision.pools)
      if (pool.pool == name) text += fmt::format(" {}={}", name, pool.replicas.value());
  if (expected.verdict || !expected.verdicts_not.empty()) text += fmt::format(" {}", to_text(decision.verdict));
  for (const auto& bound : expected.bounds)
    text += bound.of_floor ? fmt::format(" floor={:.3g}", decision.band.floor.value())
                           : fmt::format(" ceiling={:.3g}", decision.band.ceiling.value());
  return text + fmt::format(" because {}", to_text(decision.reason));
}

std::string wanted(const Expectation& expected) {
  std::string text;
  const auto add = [&](std::string_view word) { text += (text.empty() ? "" : " ") + std::string{word}; };
  if (expected.size) add(fmt::format("{}", *expected.size));
  for (const auto& word : expected.kept) add(word.text);
  for (const auto& [name, size] : expected.pools) add(fmt::format("{}={}", name, size));
  if (expected.verdict) add(to_text(*expected.verdict));
  for (const auto verdict : expected.verdicts_not) add(fmt::format("not {}", to_text(verdict)));
  for (std::size_t i = 0; i < expected.because.size(); ++i)
    add(fmt::format("{} {}", i == 0 ? "because" : "or", to_text(expected.because[i])));
  for (const auto reason : expected.mentions) add(fmt::format("mentions {}", to_text(reason)));
  return text;
}

Failure failure(const Scenario& scenario, const Recording& recording, Place at, std::string message) {
  const auto policies = scenario.variants.size() > 1 ? fmt::format(" [{}]", recording.policies) : std::string{};
  return {.at = at, .message = fmt::format("{}:{}:{}:{} {}", scenario.name, at.line, at.column, policies, message)};
}

std::string measure_text(const ScoreLine& line, double value) {
  if (line.measure == "attainment" || line.minutes || line.measure == "recovers")
    return fmt::format("{:.2f} %", value * 100);
  if (line.measure.contains("_p")) return to_text(from_seconds(value));
  return fmt::format("{:.6g}", value);
}

std::optional<double> plain_measure(const Score& score, std::string_view name) {
  const auto count = [](auto value) { return static_cast<double>(value); };
  if (name == "attainment") return score.attainment;
  if (name == "replica_hours") return score.replica_hours;
  if (name == "gpu_hours") return score.gpu_hours;
  if (name == "cost") return score.cost;
  if (name == "requests") return count(score.requests);
  if (name == "dropped") return count(score.dropped);
  if (name == "cut") return count(score.cut);
  if (name == "scale_events") return count(score.scale_events);
  if (name == "reversals") return count(score.reversals);
  if (name == "flaps") return count(score.flaps);
  if (name == "cold_starts") return count(score.cold_starts);
  if (name == "cold_start_exposed") return count(score.cold_start_exposed);
  if (name == "replicas_max") return count(score.replicas_max);
  if (name == "replicas_last") return count(score.replicas_last);
  return std::nullopt;
}

// The value a score line speaks of, and whether it is good enough.
struct Measured {
  double value = 0;
  bool good = false;
};

Measured measure(const Scenario& scenario, const ScoreLine& line, const Scorecard& card) {
  if (line.measure == "recovers") {
    const auto from = Instant{} + line.after + from_seconds(line.bound);
    const double share = card.attainment(from, from + 1min);
    double asked = 1;
    for (const auto& objective : scenario.service.slo.objectives)
      asked = std::min(asked, fraction(objective.percentile));
    return {share, share >= asked};
  }
  if (const auto value = plain_measure(card.score(), line.measure))
    return {*value, holds(*value, line.comparison, line.bound)};
  const auto split = line.measure.rfind('_');
  const auto kind = from_text<LatencyKind>(std::string_view{line.measure}.substr(0, split));
  const auto percentile = from_text<Percentile>(std::string_view{line.measure}.substr(split + 1));
  const double q = fraction(percentile.value_or(Percentile::p99));
  if (line.minutes) {
    const double share = card.minutes_below(kind.value_or(LatencyKind::latency), q, line.bound);
    return {share, share >= *line.minutes};
  }
  const double value = card.latency_quantile(kind.value_or(LatencyKind::latency), q).value_or(0);
  return {value, holds(value, line.comparison, line.bound)};
}

}  // namespace

bool meets(const Expectation& expected, const Decision& decision) {
  const auto total = decision.total().value();
  if (expected.size && total != *expected.size) return false;
  if (expected.size_min && total < *expected.size_min) return false;
  if (expected.size_max && total > *expected.size_max) return false;
  if (expected.verdict && decision.verdict != *expected.verdict) return false;
  if (std::ranges::find(expected.verdicts_not, decision.verdict) != expected.verdicts_not.end()) return false;
  if (!expected.because.empty() && std::ranges::find(expected.because, decision.reason) == expected.because.end())
    return false;
  for (const auto& [name, size] : expected.pools)
    if (std::ranges::none_of(decision.pools,
                             [&](const auto& pool) { return pool.pool == name && pool.replicas.value() == size; }))
      return false;
  for (const auto reason : expected.mentions)
    if (std::ranges::find(decision.stages, reason, &StageTrace::reason) == decision.stages.end()) return false;
  return std::ranges::all_of(expected.bounds, [&](const BandBound& bound) {
    return holds((bound.of_floor ? decision.band.floor : decision.band.ceiling).value(), bound.comparison, bound.value);
  });
}

std::vector<Failure> check_expectations(const Scenario& scenario, const Recording& recording) {
  std::vector<Failure> failures;
  for (const auto& expected : scenario.expectations) {
    bool decided = false;
    for (const auto& step : recording.steps) {
      if (step.at < expected.from || step.at > expected.to) continue;
      decided = true;
      if (meets(expected, step.decision)) continue;
      failures.push_back(failure(scenario, recording, expected.at,
                                 fmt::format("at {} expected {}, got {}", to_text(step.at), wanted(expected),
                                             actual(expected, step.decision))));
      failures.back().trace = describe(step.decision, step.at);
      break;  // the first instant of a range says enough
    }
    if (!decided)
      failures.push_back(
          failure(scenario, recording, expected.at, "no decision was made then: the controller was down"));
  }
  if (scenario.exactly)
    for (const auto& step : recording.steps)
      if (std::ranges::none_of(scenario.expectations, [&](const auto& expected) {
            return expected.from <= step.at && step.at <= expected.to;
          })) {
        failures.push_back(failure(
            scenario, recording, scenario.expectations.front().at,
            fmt::format("the decision at {} is not named, and 'exactly' asks for all of them", to_text(step.at))));
        break;
      }
  return failures;
}

std::vector<Failure> check_scores(const Scenario& scenario, const Recording& recording) {
  std::vector<Failure> failures;
  if (!recording.card) return failures;
  for (const auto& line : scenario.scores) {
    const auto [value, good] = measure(scenario, line, *recording.card);
    if (good) continue;
    const auto asked = line.measure == "recovers"
                           ? fmt::format("within {} after {}", to_text(from_seconds(line.bound)), to_text(line.after))
                           : fmt::format("{} {:.6g}", to_text(line.comparison), line.bound);
    failures.push_back(failure(scenario, recording, line.at,
                               fmt::format("{} {}{}: it was {}", line.measure, asked,
                                           line.minutes ? " in enough minutes" : "", measure_text(line, value))));
  }
  return failures;
}

namespace {

// Something of the scenario must not hold with a policy that is known to be worse.
std::optional<Failure> check_worse(const Scenario& scenario, std::vector<PolicySpec> policies,
                                   const MakeDecider& make) {
  auto changed = scenario;
  changed.variants = {std::move(policies)};
  const auto recording = play(changed, 0, make);
  if (!check_expectations(changed, recording).empty() || !check_scores(changed, recording).empty()) return std::nullopt;
  return Failure{.at = {1, 1},
                 .message = fmt::format("{}: all of it holds with {} too, which it says must fail", scenario.name,
                                        recording.policies),
                 .trace = {}};
}

}  // namespace

ScenarioResult run_scenario(const Scenario& scenario, const MakeDecider& make) {
  ScenarioResult result;
  for (std::size_t variant = 0; variant < scenario.variants.size(); ++variant) {
    const auto recording = play(scenario, variant, make);
    result.decisions += static_cast<std::int64_t>(recording.steps.size());
    for (auto found : {check_expectations(scenario, recording), check_scores(scenario, recording),
                       check_determinism(scenario, variant, recording, make)})
      std::ranges::move(found, std::back_inserter(result.failures));
  }
  for (const auto& policies : scenario.worse)
    if (auto passed = check_worse(scenario, policies, make)) result.failures.push_back(std::move(*passed));
  // The first few say what is wrong; the rest mostly follows from them.
  if (result.failures.size() > failures_shown) result.failures.resize(failures_shown);
  return result;
}

std::string describe(const Decision& decision, Duration at) {
  std::string text = fmt::format("{} @{}   {} {}   {}   band {:.3g}..{:.3g}\n", decision.service, to_text(at),
                                 to_text(decision.verdict), decision.total().value(), to_text(decision.reason),
                                 decision.band.floor.value(), decision.band.ceiling.value());
  for (const auto& stage : decision.stages) {
    text += fmt::format("  {:9} {:.4g} -> {:.4g}  {}", to_text(stage.stage), stage.before, stage.after,
                        to_text(stage.reason));
    if (!stage.note.empty()) text += fmt::format("  {}", stage.note);
    for (const auto& fact : stage.facts) text += fmt::format("  {}={:.4g}", fact.name, fact.value);
    text += '\n';
  }
  return text;
}

}  // namespace tidegate
