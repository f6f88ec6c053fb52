#include "app/comparison_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/text_table.h"

namespace tidegate {
namespace {

std::string share_text(double share) { return fmt::format("{:.3f} %", share * 100); }
std::string ratio_text(std::optional<double> ratio) { return ratio ? fmt::format("{:.3f}", *ratio) : "-"; }

std::string knobs_text(const Contestant& contestant) {
  std::string text;
  for (const auto& knob : contestant.knobs)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", knob.name, knob.value);
  return text;
}

// A column of money, where the replicas have a price.
struct RowTerms {
  double asked = 0;
  bool has_price = false;
  const Terminal& terminal;
};

std::vector<std::string> row_of(const std::string& name, const std::string& knobs, const SimulationResult& result,
                                std::optional<double> relative, const RowTerms& terms) {
  const bool met = result.attainment() >= terms.asked;
  std::vector<std::string> row{name, knobs, fmt::format("{}", result.seed),
                               terms.terminal.paint(met ? Tone::good : Tone::bad, share_text(result.attainment())),
                               fmt::format("{:.2f}", result.replica_hours)};
  if (terms.has_price) row.push_back(fmt::format("${:.2f}", result.cost));
  for (auto& cell :
       std::vector<std::string>{ratio_text(relative), fmt::format("{:.2f} s", seconds(result.ttft.p99)),
                                fmt::format("{}", result.scale_events), fmt::format("{}", result.cold_start_exposed)})
    row.push_back(std::move(cell));
  return row;
}

std::string runs_text(const Comparison& comparison, std::size_t trace, const Terminal& terminal) {
  const bool has_price =
      std::ranges::any_of(comparison.runs, [](const ComparedRun& run) { return run.result.cost > 0; });
  const RowTerms terms{.asked = comparison.attainment, .has_price = has_price, .terminal = terminal};
  std::vector<std::string> head{"POLICY", "KNOBS", ">SEED", ">WITHIN SLO", ">REPLICA-HOURS"};
  if (has_price) head.emplace_back(">COST");
  for (const char* name : {">x CLAIRVOYANT", ">TTFT P99", ">SCALE EVENTS", ">MET A COLD START"})
    head.emplace_back(name);
  TextTable table(std::move(head));
  if (const auto* bounds = comparison.bounds_of(trace)) {
    const auto bound = [&](const std::string& name, const PlayedBound& played, std::optional<double> relative) {
      table.row(row_of(terminal.paint(Tone::accent, name), "", played.best().result, relative, terms));
    };
    bound("clairvoyant", bounds->clairvoyant, 1.0);
    bound("rate oracle", bounds->rate_oracle,
          bounds->rate_oracle.best().result.replica_hours / bounds->clairvoyant.best().result.replica_hours);
  }
  for (const auto& run : comparison.runs) {
    if (run.job.trace != trace) continue;
    const auto& contestant = comparison.contestants[run.job.contestant];
    table.row(row_of(contestant.name, knobs_text(contestant), run.result, run.relative, terms));
  }
  return table.text();
}

std::string costs_text(const Comparison& comparison, std::size_t trace, const Terminal& terminal) {
  TextTable table({"POLICY", fmt::format(">HOURS AT {}", share_text(comparison.attainment)), ">x CLAIRVOYANT", "NOTE"});
  bool any = false;
  for (const auto& cost : costs_at_equal_attainment(comparison)) {
    if (cost.trace != trace || cost.runs < 2) continue;
    any = true;
    const std::string_view note = cost.hours.reach == FrontierReach::above   ? "never attained as much; at its most"
                                  : cost.hours.reach == FrontierReach::below ? "always attained more; at its least"
                                                                             : "";
    table.row({cost.policy, fmt::format("{:.2f}", cost.hours.cost), ratio_text(cost.relative),
               terminal.paint(Tone::dim, note)});
  }
  return any ? "\n" + table.text() : "";
}

}  // namespace

std::string comparison_table(const Comparison& comparison, const Terminal& terminal) {
  std::string text;
  for (std::size_t trace = 0; trace < comparison.traces.size(); ++trace) {
    if (trace > 0) text += "\n";
    text += terminal.paint(Tone::strong, comparison.traces[trace]) + "\n";
    text += runs_text(comparison, trace, terminal);
    text += costs_text(comparison, trace, terminal);
  }
  return text;
}

}  // namespace tidegate
