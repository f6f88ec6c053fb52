// expect and score: what must be seen.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lab/scenario/parse_parts.h"

namespace tidegate {
namespace {

constexpr std::int32_t size_limit = 1'000'000;

struct Compared {
  Relation comparison = Relation::equal;
  std::string_view rest;
};

// ">=4" -> at_least, "4".
std::optional<Compared> split_comparison(std::string_view text) {
  for (const auto comparison :
       {Relation::at_most, Relation::at_least, Relation::equal, Relation::less, Relation::more}) {
    const auto sign = to_text(comparison);
    if (text.starts_with(sign)) return Compared{comparison, text.substr(sign.size())};
  }
  return std::nullopt;
}

std::optional<std::int32_t> whole(std::string_view text) {
  const auto value = parse_number(text);
  if (!value || *value < 0 || *value > size_limit || *value != std::floor(*value)) return std::nullopt;
  return static_cast<std::int32_t>(*value);
}

// "30s", "0s..20s", "60s..end"
void parse_span(WordReader& words, const Scenario& scenario, Expectation& expected) {
  const auto word = words.take("a time");
  expected.at = word.at;
  const std::string_view text = word.text;
  const auto dots = text.find("..");
  const auto from = parse_duration(text.substr(0, dots));
  auto to = from;
  if (dots != std::string_view::npos)
    to = text.substr(dots + 2) == "end" ? scenario.length : parse_duration(text.substr(dots + 2));
  if (!from || !to || *to < *from) {
    words.problems().add(word.at, fmt::format("'{}' is not a time: 30s, 0s..20s or 60s..end", word.text));
    return;
  }
  expected.from = *from;
  expected.to = *to;
  if (*to > scenario.length)
    words.problems().add(word.at, fmt::format("the scenario ends at {}", to_text(scenario.length)));
  else if ((*from + scenario.every - 1ns) / scenario.every > *to / scenario.every)
    words.problems().add(
        word.at, fmt::format("there is no decision at {}: one comes every {}", word.text, to_text(scenario.every)));
}

void parse_reasons(WordReader& words, std::vector<Reason>& reasons) {
  do reasons.push_back(words.choice<Reason>("reason"));
  while (words.accept("or"));
}

bool parse_bound(const Word& word, Expectation& expected) {
  for (const bool of_floor : {true, false}) {
    const std::string_view name = of_floor ? "floor" : "ceiling";
    if (!std::string_view{word.text}.starts_with(name)) continue;
    const auto compared = split_comparison(std::string_view{word.text}.substr(name.size()));
    const auto value = compared ? parse_number(compared->rest) : std::nullopt;
    if (!value) return false;
    expected.bounds.push_back({of_floor, compared->comparison, *value, word});
    expected.kept.push_back(word);
    return true;
  }
  return false;
}

bool parse_pool_size(const Word& word, const Scenario& scenario, Expectation& expected) {
  const auto sign = word.text.find('=');
  if (sign == std::string::npos || !pool_index(scenario, word.text.substr(0, sign))) return false;
  const auto size = whole(std::string_view{word.text}.substr(sign + 1));
  if (size) expected.pools.push_back({word.text.substr(0, sign), *size});
  return size.has_value();
}

bool parse_size(const Word& word, Expectation& expected) {
  const std::string_view text = word.text;
  if (const auto size = whole(text)) {
    expected.size = size;
    return true;
  }
  if (const auto dots = text.find(".."); dots != std::string_view::npos) {
    expected.size_min = whole(text.substr(0, dots));
    expected.size_max = whole(text.substr(dots + 2));
    expected.kept.push_back(word);
    return expected.size_min && expected.size_max;
  }
  const auto compared = split_comparison(text);
  const auto size = compared ? whole(compared->rest) : std::nullopt;
  if (!size) return false;
  expected.kept.push_back(word);
  switch (compared->comparison) {
    case Relation::less:
      expected.size_max = *size - 1;
      break;
    case Relation::at_most:
      expected.size_max = size;
      break;
    case Relation::equal:
      expected.size_min = expected.size_max = size;
      break;
    case Relation::at_least:
      expected.size_min = size;
      break;
    case Relation::more:
      expected.size_min = *size + 1;
      break;
  }
  return true;
}

bool is_measure(std::string_view name) {
  constexpr std::string_view plain[] = {
      "attainment", "replica_hours", "gpu_hours", "cost",        "scale_events",       "reversals",    "flaps",
      "dropped",    "cut",           "requests",  "cold_starts", "cold_start_exposed", "replicas_max", "replicas_last"};
  if (std::ranges::find(plain, name) != std::end(plain)) return true;
  for (const auto& kind : enum_texts<LatencyKind>)
    for (const auto& percentile : enum_texts<Percentile>)
      if (kind.value != LatencyKind::itl && name == fmt::format("{}_{}", kind.text, percentile.text)) return true;
  return false;
}

// "99%", "2s", "$3", "4"
std::optional<double> parse_bound_value(std::string_view text) {
  if (text.ends_with('%')) return parse_share(text);
  if (text.starts_with('$')) return parse_number(text.substr(1));
  if (const auto value = parse_number(text)) return value;
  const auto duration = parse_duration(text);
  return duration ? std::optional{seconds(*duration)} : std::nullopt;
}

}  // namespace

void parse_expect_line(WordReader& words, Scenario& scenario) {
  Expectation expected;
  parse_span(words, scenario, expected);
  const auto before = words.place();
  bool says_something = false;
  while (!words.at_end()) {
    says_something = true;
    const auto word = words.take("what is expected");
    if (word.text == "because")
      parse_reasons(words, expected.because);
    else if (word.text == "mentions")
      parse_reasons(words, expected.mentions);
    else if (word.text == "not")
      expected.verdicts_not.push_back(words.choice<Verdict>("verdict"));
    else if (const auto verdict = from_text<Verdict>(word.text))
      expected.verdict = verdict;
    else if (!parse_size(word, expected) && !parse_bound(word, expected) && !parse_pool_size(word, scenario, expected))
      words.problems().add(word.at, fmt::format("'{}' is not an expectation: 8, 4..6, >=4, POOL=2, raise, lower, hold, "
                                                "move, not lower, floor>=4.5, ceiling<=6, because REASON or mentions "
                                                "REASON",
                                                word.text));
  }
  if (!says_something) words.problems().add(before, "what is expected is missing");
  scenario.expectations.push_back(std::move(expected));
}

// `measure OP value [for 99% of minutes]`, or `recovers within 90s after 10m`.
void parse_score_line(WordReader& words, Scenario& scenario) {
  const auto name = words.take("a measure");
  ScoreLine line{.at = name.at, .measure = name.text};
  if (std::holds_alternative<Feed>(scenario.drive))
    words.problems().add(name.at, "a feed has no requests to score: use run");
  if (line.measure == "recovers") {
    words.expect("within");
    line.bound = seconds(words.duration("the time to recover"));
    words.expect("after");
    line.after = words.duration("the time of the disturbance");
  } else {
    if (!is_measure(line.measure)) words.problems().add(name.at, fmt::format("unknown measure '{}'", line.measure));
    line.comparison = words.choice<Relation>("comparison");
    const auto word = words.take("a bound");
    const auto value = parse_bound_value(word.text);
    if (!value) words.problems().add(word.at, fmt::format("'{}' is not a bound: 99%, 2s, 9.5 or $3", word.text));
    line.bound = value.value_or(0);
    if (words.accept("for")) {
      const auto share = words.take("a share");
      line.minutes = parse_share(share.text);
      if (!line.minutes || !line.measure.contains("_p"))
        words.problems().add(share.at, "only a latency holds 'for 99% of minutes'");
      words.expect("of"), words.expect("minutes");
    }
  }
  words.finish();
  scenario.scores.push_back(std::move(line));
}

}  // namespace tidegate
