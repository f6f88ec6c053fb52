#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lab/scenario/runner.h"

namespace tidegate {
namespace {

// The exact parts of an expectation as a decision has them; ranges and bounds as they were.
std::string blessed_words(const Expectation& expected, const Decision& decision) {
  std::string text;
  const auto add = [&](std::string_view word) { text += "    " + std::string{word}; };
  if (expected.size) add(fmt::format("{}", decision.total().value()));
  for (const auto& word : expected.kept) add(word.text);
  for (const auto& [name, size] : expected.pools)
    for (const auto& pool : decision.pools)
      if (pool.pool == name) add(fmt::format("{}={}", name, pool.replicas.value()));
  if (expected.verdict) add(to_text(decision.verdict));
  for (const auto verdict : expected.verdicts_not) add(fmt::format("not {}", to_text(verdict)));
  const bool because_holds = std::ranges::find(expected.because, decision.reason) != expected.because.end();
  if (because_holds) {
    for (std::size_t i = 0; i < expected.because.size(); ++i)
      text += fmt::format("{}{}", i == 0 ? "    because " : " or ", to_text(expected.because[i]));
  } else if (!expected.because.empty()) {
    add(fmt::format("because {}", to_text(decision.reason)));
  }
  for (const auto reason : expected.mentions) add(fmt::format("mentions {}", to_text(reason)));
  return text;
}

struct Span {
  Duration from{};
  Duration to{};
  std::string words;
};

// One line for each stretch of decisions that read alike.
std::string blessed_lines(const Expectation& expected, const Recording& recording, std::string_view comment) {
  std::vector<Span> spans;
  for (const auto& step : recording.steps) {
    if (step.at < expected.from || step.at > expected.to) continue;
    auto words = blessed_words(expected, step.decision);
    if (!spans.empty() && spans.back().words == words)
      spans.back().to = step.at;
    else
      spans.push_back({step.at, step.at, std::move(words)});
  }
  std::string text;
  for (const auto& span : spans) {
    const auto when =
        span.from == span.to ? to_text(span.from) : fmt::format("{}..{}", to_text(span.from), to_text(span.to));
    text += fmt::format("    {:<8}{}{}\n", when, span.words, std::exchange(comment, ""));
  }
  return text;
}

// Whether a decision would do if all exact parts were rewritten to it: bounds and ranges cannot be.
bool can_bless(const Expectation& expected, const Recording& recording) {
  auto promises = expected;
  promises.size.reset(), promises.verdict.reset(), promises.because.clear(), promises.pools.clear();
  bool any = false;
  for (const auto& step : recording.steps) {
    if (step.at < expected.from || step.at > expected.to) continue;
    any = true;
    if (!meets(promises, step.decision)) return false;
  }
  return any;
}

bool holds_everywhere(const Expectation& expected, const Recording& recording) {
  return std::ranges::all_of(recording.steps, [&](const auto& step) {
    return step.at < expected.from || step.at > expected.to || meets(expected, step.decision);
  });
}

bool same_decisions(const Recording& a, const Recording& b) {
  return std::ranges::equal(a.steps, b.steps, [](const auto& x, const auto& y) {
    return x.decision.total() == y.decision.total() && x.decision.verdict == y.decision.verdict &&
           x.decision.reason == y.decision.reason;
  });
}

}  // namespace

std::string bless(const Scenario& scenario, std::string_view text, const MakeDecider& make) {
  const auto recording = play(scenario, 0, make);
  for (std::size_t variant = 1; variant < scenario.variants.size(); ++variant)
    if (!same_decisions(recording, play(scenario, variant, make))) return std::string{text};
  std::string blessed;
  for (std::int32_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size() - 1);
    const auto line = text.substr(0, end + 1);
    text.remove_prefix(end + 1);
    const auto expected = std::ranges::find(scenario.expectations, number, [](const auto& one) { return one.at.line; });
    if (expected == scenario.expectations.end() || holds_everywhere(*expected, recording) ||
        !can_bless(*expected, recording)) {
      blessed += line;
      continue;
    }
    const auto hash = line.find('#');
    auto comment = hash == std::string_view::npos ? std::string{} : "    " + std::string{line.substr(hash)};
    if (comment.ends_with('\n')) comment.pop_back();
    blessed += blessed_lines(*expected, recording, comment);
  }
  return blessed;
}

}  // namespace tidegate
