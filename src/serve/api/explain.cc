#include "serve/api/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serve/api/fact_text.h"
#include "serve/api/reason_text.h"

namespace tidegate {
namespace {

struct Line {
  std::string label;
  std::string text;
  std::string because;
  std::string facts;
};

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  return fmt::format("{}", fmt::join(parts, between));
}

std::optional<Replicas> size_before(const Decision& decision, const ExplainContext& context) {
  if (context.before) return context.before;
  for (const auto& stage : decision.stages)
    if (stage.stage == Stage::mix && std::isfinite(stage.before))
      return Replicas{static_cast<std::int32_t>(std::llround(stage.before))};
  return std::nullopt;
}

std::string size_text(const Decision& decision) {
  if (decision.pools.size() < 2) return fmt::format("{}", decision.total().value());
  std::vector<std::string> parts;
  for (const auto& pool : decision.pools) parts.push_back(fmt::format("{} {}", pool.replicas.value(), pool.pool));
  return fmt::format("{} ({})", decision.total().value(), joined(parts, " + "));
}

std::string_view stage_unit(Stage stage) {
  if (stage == Stage::observe) return "requests";
  if (stage == Stage::forecast) return "/s";
  return "replicas";
}

// Reasons that say no more than that a stage did its work.
bool is_matter_of_course(Reason reason) {
  return reason == Reason::steady || reason == Reason::within_limits || reason == Reason::learned;
}

std::string change_text(const StageTrace& stage) {
  const auto unit = stage_unit(stage.stage);
  const auto after = number_text(stage.after);
  const std::string amount =
      stage.before == stage.after || stage.stage == Stage::observe ? after : number_text(stage.before) + " -> " + after;
  if (unit == "/s") return amount + "/s";
  return fmt::format("{} {}", amount, amount == "1" ? unit.substr(0, unit.size() - 1) : unit);
}

std::string unlock_text(const Decision& decision) {
  if (!decision.unlocks) return {};
  return fmt::format("unlocks {} (in {})", near_time_text(*decision.unlocks, decision.now),
                     to_text(std::max(*decision.unlocks - decision.now, Duration::zero())));
}

Line stage_line(const StageTrace& stage, const Decision& decision) {
  Line line{.label = std::string{to_text(stage.stage)}, .text = change_text(stage)};
  if (stage.stage == Stage::band)
    line.text = fmt::format("{} .. {} replicas", number_text(decision.band.floor.value()),
                            number_text(decision.band.ceiling.value()));
  if (!is_matter_of_course(stage.reason)) line.because = to_text(stage.reason);
  std::vector<std::string> facts;
  if (!stage.note.empty()) facts.emplace_back(stage.note);
  if (stage.stage == Stage::band)
    facts.push_back(fmt::format("floor {}, ceiling {}", to_text(decision.band.floor_reason),
                                to_text(decision.band.ceiling_reason)));
  for (const auto& fact : stage.facts) facts.push_back(fact_text(fact.name, fact.value));
  if (stage.stage == Stage::guard && decision.unlocks) facts.push_back(unlock_text(decision));
  line.facts = joined(facts, ", ");
  return line;
}

std::string present_text(const Observation& seen) {
  std::vector<std::string> pools;
  for (const auto& pool : seen.pools) {
    std::vector<std::string> counts;
    const auto count = [&](std::int32_t replicas, std::string_view state) {
      if (replicas > 0) counts.push_back(fmt::format("{} {}", replicas, state));
    };
    count(pool.ready, "ready");
    count(pool.loading, "loading");
    count(pool.starting, "starting");
    count(pool.requested, "requested");
    count(pool.draining, "draining");
    count(pool.failed, "failed");
    pools.push_back(fmt::format("{}: {}", pool.pool, counts.empty() ? "none" : joined(counts, ", ")));
  }
  return joined(pools, " · ");
}

void note_unusable(std::vector<std::string>& into, std::string_view name, const Reading& reading) {
  if (reading.is_fresh() && reading.coverage.is_partial())
    into.push_back(fmt::format("{} partial ({} of {} replicas report)", name, reading.coverage.reported,
                               reading.coverage.expected));
  if (reading.is_fresh() || reading.quality == Quality::absent) return;
  auto text = fmt::format("{} {}", name, to_text(reading.quality));
  if (reading.age > Duration::zero()) text += fmt::format(" for {}", to_text(reading.age));
  into.push_back(std::move(text));
}

// What was not measured as it should have been: stale, errors, not a number, partial; and load that nothing measures.
std::string unusable_text(const Observation& seen) {
  std::vector<std::string> parts;
  const std::pair<std::string_view, const Reading*> load[] = {{"arrivals", &seen.arrivals},
                                                              {"completions", &seen.completions},
                                                              {"in_flight", &seen.in_flight},
                                                              {"queued", &seen.queued}};
  for (const auto& [name, reading] : load) {
    note_unusable(parts, name, *reading);
    if (reading->quality == Quality::absent) parts.push_back(fmt::format("{} absent", name));
    if (reading->derived && reading->is_fresh()) parts.push_back(fmt::format("{} derived", name));
  }
  const std::pair<std::string_view, const Reading*> others[] = {
      {"gpu_util", &seen.gpu_util}, {"gpu_memory", &seen.gpu_memory}, {"kv_usage", &seen.kv_usage}};
  for (const auto& [name, reading] : others) note_unusable(parts, name, *reading);
  for (const auto& custom : seen.custom) note_unusable(parts, custom.name, custom.reading);
  return joined(parts, ", ");
}

std::string promise_text(const ServiceSpec& spec, const Observation& seen) {
  std::vector<std::string> parts;
  for (const auto& objective : spec.slo.objectives) {
    const auto measured = seen.latency(objective.kind, objective.percentile).fresh();
    const auto bound = to_text(objective.bound);
    parts.push_back(measured ? fmt::format("{} {} of {}{}", objective.name(), to_text(from_seconds(*measured)), bound,
                                           *measured > seconds(objective.bound) ? ", missed" : "")
                             : fmt::format("{} not measured, of {}", objective.name(), bound));
  }
  return joined(parts, " · ");
}

std::string until_text(std::optional<Instant> expires, Instant now) {
  return expires ? "until " + near_time_text(*expires, now) : "until resumed";
}

void add_context(std::vector<Line>& lines, const Decision& decision, const ExplainContext& context) {
  if (context.seen != nullptr) {
    const auto& seen = *context.seen;
    if (context.spec != nullptr) lines.push_back({.label = "promise", .text = promise_text(*context.spec, seen)});
    lines.push_back({.label = "replicas", .text = present_text(seen)});
    if (seen.manual)
      lines.push_back({.label = "override",
                       .text = fmt::format("{} {} by {} {}: {}", to_text(seen.manual->kind),
                                           seen.manual->replicas.value(), seen.manual->author,
                                           until_text(seen.manual->expires, decision.now), seen.manual->comment)});
    if (seen.pause)
      lines.push_back({.label = "paused",
                       .text = fmt::format("by {} {}: {}", seen.pause->author,
                                           until_text(seen.pause->expires, decision.now), seen.pause->comment)});
    if (const auto text = unusable_text(seen); !text.empty()) lines.push_back({.label = "measured", .text = text});
  }
  if (context.spec != nullptr && context.spec->mode == Mode::shadow)
    lines.push_back({.label = "shadow", .text = "shown only; nothing is carried out"});
}

void add_outlook(std::vector<Line>& lines, const Decision& decision) {
  if (decision.lead_time > Duration::zero())
    lines.push_back({.label = "expect",
                     .text = fmt::format("a replica asked for now is ready about {} (in {}); an idle one is kept {}",
                                         near_time_text(decision.now + decision.lead_time, decision.now),
                                         to_text(decision.lead_time), to_text(decision.hold_time))});
  std::vector<std::string> peers;
  for (const auto& peer : decision.peers) peers.push_back(fmt::format("{} {}", peer.policy, peer.replicas.value()));
  if (!peers.empty()) lines.push_back({.label = "beside us", .text = joined(peers, ", ")});
}

std::string aligned(const std::vector<Line>& lines) {
  std::size_t label = 0, text = 0, because = 0;
  for (const auto& line : lines) {
    label = std::max(label, line.label.size());
    if (line.because.empty() && line.facts.empty()) continue;
    text = std::max(text, line.text.size());
    because = std::max(because, line.because.size());
  }
  std::string shown;
  for (const auto& line : lines) {
    auto row = fmt::format("  {:<{}}   {:<{}}", line.label, label, line.text, text);
    row += fmt::format("   {:<{}}   {}", line.because, because, line.facts);
    row.erase(row.find_last_not_of(' ') + 1);
    shown += row + "\n";
  }
  return shown;
}

std::string what_if_text(const WhatIf& what_if) {
  const auto wanted = what_if.wanted.value();
  if (what_if.present == what_if.wanted)
    return fmt::format("What would make it {}: nothing need change, it is {} as things are.\n", wanted, wanted);
  std::string text = fmt::format("What would make it {} (now {}):\n", wanted, what_if.present.value());
  if (what_if.blocked_by)
    text += fmt::format("  held by   {}: {}\n", to_text(*what_if.blocked_by), reason_text(*what_if.blocked_by).meaning);
  std::size_t width = 0;
  for (const auto& change : what_if.changes) width = std::max(width, change.change.size());
  for (const auto& change : what_if.changes)
    text += fmt::format("  {}   {:<{}}   -> {}   {}\n", change.reaches ? "with" : "even", change.change, width,
                        change.then.value(), to_text(change.reason));
  if (what_if.changes.empty()) text += "  no single change of load or settings leads there\n";
  return text;
}

}  // namespace

std::string decision_headline(const Decision& decision, const ExplainContext& context) {
  const auto before = size_before(decision, context);
  const bool holds = decision.verdict == Verdict::hold;
  std::string action = fmt::format("{} {}", holds ? "hold" : "set", size_text(decision));
  if (!holds && before) action += fmt::format(" (was {})", before->value());
  std::string age;
  if (context.now && *context.now - decision.now >= 1s)
    age = fmt::format(" ({} ago)",
                      to_text(Duration{std::chrono::floor<std::chrono::seconds>(*context.now - decision.now)}));
  return fmt::format("{} @{}{}   {}   {}", decision.service, time_text(decision.now), age, action,
                     to_text(decision.reason));
}

std::string explanation(const Decision& decision, const ExplainContext& context) {
  std::vector<Line> lines;
  for (const auto& stage : decision.stages) lines.push_back(stage_line(stage, decision));
  add_context(lines, decision, context);
  add_outlook(lines, decision);
  const auto& why = reason_text(decision.reason);
  std::string text = decision_headline(decision, context) + "\n";
  text += fmt::format("  {}\n  {}\n", why.meaning, why.advice);
  text += aligned(lines);
  if (context.what_if != nullptr) text += what_if_text(*context.what_if);
  return text;
}

}  // namespace tidegate
