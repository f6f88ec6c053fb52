#include <fmt/format.h>

#include <algorithm>

#include "lab/scenario/runner.h"

namespace tidegate {
namespace {

void sort_pools(Decision& decision) { std::ranges::sort(decision.pools, {}, &PoolDecision::pool); }

bool same(Decision a, Decision b) {
  sort_pools(a), sort_pools(b);
  return a == b;
}

Failure at_step(const Scenario& scenario, const StepRecord& step, const Decision& other, std::string_view what) {
  return {.at = {1, 1},
          .message = fmt::format("{}: at {} {}", scenario.name, to_text(step.at), what),
          .trace = describe(step.decision, step.at) + "but\n" + describe(other, step.at)};
}

// Hands the recorded observations, changed by `change`, to a decider from step `first` on; the first decision
// that is another is a failure.
template <class Change>
std::optional<Failure> replay(const Scenario& scenario, const Recording& recording, std::size_t first,
                              const MakeDecider& make, std::string_view what, Change change) {
  auto decider = make();
  if (first > 0 && !decider->load(recording.steps[first].checkpoint))
    return Failure{.at = {1, 1}, .message = fmt::format("{}: a saved state cannot be read back", scenario.name)};
  for (std::size_t i = first; i < recording.steps.size(); ++i) {
    const auto& step = recording.steps[i];
    if (i != first && step.restart != RestartKind::none) {
      const auto saved = decider->save();
      decider = make();
      if (step.restart == RestartKind::kept && !decider->load(saved))
        return Failure{.at = {1, 1}, .message = fmt::format("{}: a saved state cannot be read back", scenario.name)};
    }
    auto seen = step.seen;
    change(seen);
    const auto decision = decider->decide(recording.specs[step.spec], seen);
    if (!same(decision, step.decision)) return at_step(scenario, step, decision, what);
  }
  return std::nullopt;
}

std::optional<Failure> compare(const Scenario& scenario, const Recording& once, const Recording& twice) {
  for (std::size_t i = 0; i < once.steps.size() && i < twice.steps.size(); ++i)
    if (once.steps[i].decision != twice.steps[i].decision || once.steps[i].seen != twice.steps[i].seen)
      return at_step(scenario, once.steps[i], twice.steps[i].decision, "playing it twice gives two answers");
  return std::nullopt;
}

}  // namespace

std::vector<Failure> check_determinism(const Scenario& scenario, std::size_t variant, const Recording& recording,
                                       const MakeDecider& make) {
  std::vector<Failure> failures;
  const auto keep = [&](std::optional<Failure> failure) {
    if (failure) failures.push_back(std::move(*failure));
  };
  if (recording.broken) keep(Failure{.at = {1, 1}, .message = fmt::format("{}: {}", scenario.name, *recording.broken)});
  keep(compare(scenario, recording, play(scenario, variant, make)));
  keep(replay(scenario, recording, 0, make, "the order of the pools changes the decision", [](Observation& seen) {
    std::ranges::reverse(seen.pools);
    std::ranges::reverse(seen.cold_starts);
  }));
  for (std::size_t i = 1; i < recording.steps.size(); ++i)
    if (!recording.steps[i].checkpoint.empty())
      keep(replay(scenario, recording, i, make, "a replay from a saved state decides otherwise", [](Observation&) {}));
  return failures;
}

}  // namespace tidegate
