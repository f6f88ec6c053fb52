#include "lab/scenario/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lab/scenario/parse_parts.h"

namespace tidegate {
namespace {

enum class Block : std::uint8_t { none, service, drive, expect, score };
constexpr std::size_t checks_limit = 10'000;

bool is_drive(std::string_view word) { return word == "feed" || word == "run"; }

// The words that open a block; blocks stand in the order of the enumeration.
Block open_block(WordReader& words, Scenario& scenario, Block before) {
  const auto word = words.peek();
  const auto follows = [&](Block least) {
    if (before < least)
      words.problems().add(
          word.at, fmt::format("'{}' comes too early: service, then feed or run, then expect, score", word.text));
  };
  if (word.text == "service") {
    if (before != Block::none) words.problems().add(word.at, "a scenario has one service, at its beginning");
    words.expect("service");
    scenario.service.name = words.take("the name of the service").text;
    words.finish();
    return Block::service;
  }
  if (is_drive(word.text)) {
    follows(Block::service);
    if (before > Block::service) words.problems().add(word.at, "a scenario has one feed or run");
    if (!words.problems().any()) open_drive(words, scenario);
    return Block::drive;
  }
  if (word.text == "expect" || word.text == "score") {
    follows(Block::drive);
    const bool expects = words.accept("expect");
    if (!expects) words.expect("score");
    if (expects && words.accept("exactly")) scenario.exactly = true;
    words.finish();
    return expects ? Block::expect : Block::score;
  }
  words.problems().add(word.at, fmt::format("unknown block '{}': service, feed, run, expect or score", word.text));
  return before;
}

// A feed lasts as long as its longest series, unless it says how long.
void close_drive(Scenario& scenario, Problems& problems, Place at) {
  if (const auto* run = std::get_if<Run>(&scenario.drive)) {
    if (run->traffic.empty()) problems.add(at, "a run needs traffic");
    return;
  }
  std::size_t longest = 0;
  for (const auto& series : std::get<Feed>(scenario.drive).series) longest = std::max(longest, series.items.size());
  if (scenario.length == Duration::zero() && longest > 0)
    scenario.length = scenario.every * static_cast<std::int64_t>(longest - 1);
  if (static_cast<std::int64_t>(longest) > scenario.steps()) problems.add(at, "a series is longer than the feed");
}

void parse_line(Block block, WordReader& words, Scenario& scenario, const ReadPolicy& read_policy) {
  switch (block) {
    case Block::none:
      words.problems().add(words.place(), "a scenario begins with: service NAME");
      break;
    case Block::service:
      parse_service_line(words, scenario, read_policy);
      break;
    case Block::drive:
      parse_drive_line(words, scenario, read_policy);
      break;
    case Block::expect:
      parse_expect_line(words, scenario);
      break;
    case Block::score:
      parse_score_line(words, scenario);
      break;
  }
  if (scenario.expectations.size() + scenario.scores.size() > checks_limit)
    words.problems().add(words.place(), "a scenario has at most 10000 expectations");
}

void parse_lines(const std::vector<Line>& lines, Scenario& scenario, const ReadPolicy& read_policy,
                 Problems& problems) {
  auto block = Block::none;
  Place last{1, 1};
  for (const auto& line : lines) {
    if (problems.any()) return;
    WordReader words{line, problems};
    if (block == Block::drive && !line.indented) close_drive(scenario, problems, last);
    if (line.indented)
      parse_line(block, words, scenario, read_policy);
    else
      block = open_block(words, scenario, block);
    last = line.words.front().at;
  }
  if (problems.any()) return;
  if (block == Block::drive) close_drive(scenario, problems, last);
  if (scenario.expectations.empty() && scenario.scores.empty())
    problems.add(last, "nothing is checked: a scenario needs expect or score");
}

}  // namespace

bool holds(double value, Relation comparison, double bound) {
  switch (comparison) {
    case Relation::less:
      return value < bound;
    case Relation::at_most:
      return value <= bound;
    case Relation::equal:
      return value == bound;
    case Relation::at_least:
      return value >= bound;
    case Relation::more:
      return value > bound;
  }
  return false;
}

Result<Scenario> parse_scenario(std::string_view text, std::string name, const ReadPolicy& read_policy) {
  Problems problems;
  Scenario scenario{.name = std::move(name), .drive = Feed{}};
  const auto lines = read_lines(text, problems);
  if (!problems.any()) parse_lines(lines, scenario, read_policy, problems);
  if (problems.any()) return std::unexpected(problems.error(scenario.name));
  if (scenario.variants.empty()) scenario.variants = {{SloPolicy{}}};
  return scenario;
}

Reading* fed_reading(Observation& seen, std::string_view signal, std::optional<std::size_t> pool) {
  if (pool) {
    auto& there = seen.pools[*pool];
    if (signal == "in_flight") return &there.in_flight;
    if (signal == "completions") return &there.completions;
    if (signal == "itl_mean") return &there.itl_mean;
    if (signal == "kv_usage") return &there.kv_usage;
    return nullptr;
  }
  struct Named {
    std::string_view name;
    Reading Observation::* reading;
  };
  static constexpr auto plain = std::to_array<Named>({{"arrivals", &Observation::arrivals},
                                                      {"completions", &Observation::completions},
                                                      {"in_flight", &Observation::in_flight},
                                                      {"queued", &Observation::queued},
                                                      {"within_slo", &Observation::within_slo},
                                                      {"missed_slo", &Observation::missed_slo},
                                                      {"input_tokens", &Observation::input_tokens},
                                                      {"output_tokens", &Observation::output_tokens},
                                                      {"gpu_util", &Observation::gpu_util},
                                                      {"gpu_memory", &Observation::gpu_memory},
                                                      {"kv_usage", &Observation::kv_usage}});
  for (const auto& [name, reading] : plain)
    if (name == signal) return &(seen.*reading);
  for (const auto& kind : enum_texts<LatencyKind>)
    for (const auto& percentile : enum_texts<Percentile>)
      if (signal == fmt::format("{}_{}", kind.text, percentile.text))
        return &seen.latency(kind.value, percentile.value);
  if (signal.starts_with("custom ")) {
    const auto name = signal.substr(7);
    for (auto& custom : seen.custom)
      if (custom.name == name) return &custom.reading;
    return &seen.custom.emplace_back(CustomReading{.name = std::string{name}}).reading;
  }
  return nullptr;
}

std::int32_t* fed_count(PoolObservation& pool, std::string_view name) {
  if (name == "requested") return &pool.requested;
  if (name == "starting") return &pool.starting;
  if (name == "loading") return &pool.loading;
  if (name == "ready") return &pool.ready;
  if (name == "draining") return &pool.draining;
  if (name == "failed") return &pool.failed;
  return nullptr;
}

}  // namespace tidegate
