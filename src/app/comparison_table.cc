#include "app/comparison_table.h"

#include <fmt/format.h>

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

std::vector<std::string> row_of(const std::string& name, const std::string& knobs, const SimulationResult& result,
                                double asked, std::optional<double> relative, const Terminal& terminal) {
  const bool met = result.attainment() >= asked;
  return {name,
          knobs,
          fmt::format("{}", result.seed),
          terminal.paint(met ? Tone::good : Tone::bad, share_text(result.attainment())),
          fmt::format("{:.2f}", result.replica_hours),
          ratio_text(relative),
          fmt::format("{:.2f} s", seconds(result.ttft.p99)),
          fmt::format("{}", result.scale_events),
          fmt::format("{}", result.cold_start_exposed)};
}

std::string runs_text(const Comparison& comparison, std::size_t trace, const Terminal& terminal) {
  TextTable table({"POLICY", "KNOBS", ">SEED", ">WITHIN SLO", ">REPLICA-HOURS", ">x CLAIRVOYANT", ">TTFT P99",
                   ">SCALE EVENTS", ">MET A COLD START"});
  if (const auto* bounds = comparison.bounds_of(trace)) {
    const auto bound = [&](const std::string& name, const PlayedBound& played, std::optional<double> relative) {
      table.row(row_of(terminal.paint(Tone::accent, name), "", played.best().result, comparison.attainment, relative,
                       terminal));
    };
    bound("clairvoyant", bounds->clairvoyant, 1.0);
    bound("rate oracle", bounds->rate_oracle,
          bounds->rate_oracle.best().result.replica_hours / bounds->clairvoyant.best().result.replica_hours);
  }
  for (const auto& run : comparison.runs) {
    if (run.job.trace != trace) continue;
    const auto& contestant = comparison.contestants[run.job.contestant];
    table.row(
        row_of(contestant.name, knobs_text(contestant), run.result, comparison.attainment, run.relative, terminal));
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
