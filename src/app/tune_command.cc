// `tidegate tune`: the cheapest setting of a policy that holds the SLO on the given traffic, and the change to make.
#include <fmt/format.h>

#include <algorithm>

#include "app/command.h"
#include "app/contestants.h"
#include "app/exit_status.h"
#include "app/parallel_jobs.h"
#include "app/played_comparison.h"
#include "app/text_table.h"
#include "core/base/json_writer.h"
#include "lab/sweep/tuning.h"

namespace tidegate {
namespace {

struct Tuned {
  Contestant contestant;
  TriedPoint point;
};

struct TuningOrder {
  const KnobTable* table = nullptr;
  KnobScale scale;
  TuningTerms terms;
  ComparisonOrder play;
};

Result<TuningOrder> read_order(const Arguments& given, const ComparisonChoice& choice) {
  TuningOrder order;
  const auto policy = *given.value("--policy");
  order.table = find_knob_table(policy);
  if (order.table == nullptr || order.table->axes.empty()) {
    std::string names;
    for (const auto& table : knob_tables())
      if (!table.axes.empty())
        names += fmt::format("{}{}", names.empty() ? "" : ", ", table.label.empty() ? table.policy : table.label);
    return fail(
        ErrorKind::invalid,
        fmt::format("{} {}; there are {}", policy,
                    order.table == nullptr ? "is no policy with a table of knobs" : "has no knob to turn", names));
  }
  order.scale = choice.scale();
  order.terms.attainment = 0;
  for (const auto& objective : choice.service.spec.slo.objectives)
    order.terms.attainment = std::max(order.terms.attainment, fraction(objective.percentile));
  const auto asked = given.number("--attainment");
  if (!asked) return std::unexpected(asked.error());
  if (*asked && !(**asked >= 0.5 && **asked <= 1))
    return fail(ErrorKind::invalid, "--attainment wants a share from 0.5 to 1, as 0.995");
  order.terms.attainment = asked->value_or(order.terms.attainment);
  const auto budget = count_between(given, "--points", 1, 1000, 40);
  if (!budget) return std::unexpected(budget.error());
  order.terms.budget = *budget;
  const auto seeds = count_between(given, "--seeds", 1, 100, 1);
  if (!seeds) return std::unexpected(seeds.error());
  order.play.seeds = *seeds;
  const auto jobs = count_between(given, "--jobs", 1, 256, cores());
  if (!jobs) return std::unexpected(jobs.error());
  order.play.threads = *jobs;
  order.play.with_bounds = false;
  return order;
}

// One point over all traces and seeds: the cost is the sum, the attainment that of the worst trace.
TriedPoint judged(const Comparison& comparison, std::size_t contestant, KnobValues values) {
  TriedPoint point{.values = std::move(values), .attainment = 1};
  for (std::size_t trace = 0; trace < comparison.traces.size(); ++trace) {
    double attained = 0, hours = 0, runs = 0;
    for (const auto& run : comparison.runs)
      if (run.job.contestant == contestant && run.job.trace == trace)
        attained += run.result.attainment(), hours += run.result.replica_hours, runs += 1;
    point.attainment = std::min(point.attainment, attained / std::max(runs, 1.0));
    point.cost += hours / std::max(runs, 1.0);
  }
  return point;
}

struct Search {
  std::vector<Tuned> tried;
  bool interrupted = false;
};

Result<Search> search(const ComparisonChoice& choice, TuningOrder& order, Terminal& terminal) {
  Search found;
  std::vector<TriedPoint> tried;
  std::vector<double> bests;
  for (auto points = next_points(*order.table, tried, bests, order.terms); !points.empty();
       points = next_points(*order.table, tried, bests, order.terms)) {
    order.play.contestants.clear();
    for (const auto& point : points) {
      auto contestant = contestant_at(*order.table, point, order.scale);
      if (!contestant) return std::unexpected(contestant.error());
      order.play.contestants.push_back(std::move(*contestant));
    }
    const auto played = play_comparison(choice, order.play, terminal);
    if (!played) return std::unexpected(played.error());
    found.interrupted = played->interrupted;
    if (found.interrupted) return found;
    for (std::size_t i = 0; i < points.size(); ++i) {
      tried.push_back(judged(played->comparison, i, points[i]));
      found.tried.push_back({order.play.contestants[i], tried.back()});
    }
    const auto& best = tried[*best_of(tried, order.terms.attainment)];
    bests.push_back(best.cost);
    terminal.say(fmt::format("tidegate: {} settings, the best so far {:.2f} replica-hours at {:.3f} %", tried.size(),
                             best.cost, best.attainment * 100));
  }
  return found;
}

std::vector<FrontierPoint> frontier(const std::vector<Tuned>& tried) {
  std::vector<FrontierPoint> points;
  for (std::size_t i = 0; i < tried.size(); ++i) points.push_back({tried[i].point.attainment, tried[i].point.cost, i});
  return frontier_of(std::move(points));
}

std::string change_of(const Contestant& contestant) { return fmt::format("policy: {}", contestant.text); }

void write_tuned(JsonWriter& json, const Tuned& one) {
  json.object().key("policy").value(one.contestant.name).key("knobs").object();
  for (const auto& knob : one.contestant.knobs) json.key(knob.name).value(knob.value);
  json.end().key("slo_attainment").value(one.point.attainment).key("replica_hours").value(one.point.cost).end();
}

std::string as_json(const std::vector<Tuned>& tried, std::size_t best, double attainment) {
  JsonWriter json;
  json.object().key("attainment").value(attainment);
  json.key("met").value(tried[best].point.attainment >= attainment).key("best");
  write_tuned(json, tried[best]);
  json.key("change").value(change_of(tried[best].contestant)).key("frontier").array();
  for (const auto& point : frontier(tried)) write_tuned(json, tried[point.run]);
  json.end().key("runs").array();
  for (const auto& one : tried) write_tuned(json, one);
  return json.end().end().take();
}

std::string as_text(const std::vector<Tuned>& tried, std::size_t best, double attainment, const Terminal& terminal) {
  std::vector<std::string> headings;
  for (const auto& knob : tried.front().contestant.knobs) headings.push_back(">" + knob.name);
  headings.insert(headings.end(), {">WITHIN SLO", ">REPLICA-HOURS", ""});
  TextTable table(headings);
  for (const auto& point : frontier(tried)) {
    const Tuned& one = tried[point.run];
    std::vector<std::string> row;
    for (const auto& knob : one.contestant.knobs) row.push_back(knob.value);
    const bool met = one.point.attainment >= attainment;
    row.push_back(terminal.paint(met ? Tone::good : Tone::bad, fmt::format("{:.3f} %", one.point.attainment * 100)));
    row.push_back(fmt::format("{:.2f}", one.point.cost));
    row.emplace_back(point.run == best ? "<- the best" : "");
    table.row(std::move(row));
  }
  return table.text() + "\n" + change_of(tried[best].contestant) + "\n";
}

int tune(const Arguments& given, Terminal& terminal) {
  const auto choice = read_comparison_choice(given, terminal);
  if (!choice) {
    const int status = report(terminal, choice.error());
    return choice.error().kind == ErrorKind::invalid && !given.value("--config") ? exit_usage : status;
  }
  auto order = read_order(given, *choice);
  if (!order) {
    (void)report(terminal, order.error());
    return exit_usage;
  }
  const auto found = search(*choice, *order, terminal);
  if (!found) return report(terminal, found.error());
  if (found->interrupted || found->tried.empty()) return exit_interrupted;
  std::vector<TriedPoint> points;
  for (const auto& one : found->tried) points.push_back(one.point);
  const std::size_t best = *best_of(points, order->terms.attainment);
  if (terminal.wants_json())
    terminal.data(as_json(found->tried, best, order->terms.attainment));
  else
    terminal.data_raw(as_text(found->tried, best, order->terms.attainment, terminal));
  if (points[best].attainment >= order->terms.attainment) return exit_ok;
  terminal.say(
      fmt::format("tidegate: no setting reached {:.3f} %; this one came nearest", order->terms.attainment * 100));
  return given.flag("--require") ? exit_objective_missed : exit_ok;
}

std::vector<Option> tune_options() {
  auto options = comparison_options();
  const std::vector<Option> own{
      {.name = "--policy", .value = "NAME", .help = "whose knobs to turn", .fallback = "hpa"},
      {.name = "--attainment", .value = "SHARE", .help = "to hold, as 0.995 (default: what the SLO promises)"},
      {.name = "--points", .value = "N", .help = "settings to try at most", .fallback = "40"},
      {.name = "--seeds", .value = "N", .help = "how many seeds, from --seed on", .fallback = "1"},
      {.name = "--jobs", .value = "N", .help = "runs at once (default: as many as there are cores)"},
      {.name = "--require", .help = "exit 99 when no setting holds the SLO"}};
  options.insert(options.end(), own.begin(), own.end());
  return options;
}

}  // namespace

extern const Command tune_command;
const Command tune_command{
    .name = "tune",
    .group = CommandGroup::try_out,
    .summary = "search a policy's knobs for the least cost that holds the SLO on given traffic",
    .examples = {"tidegate tune --config tidegate.yaml --trace week.csv.gz --policy hpa",
                 "tidegate tune --trace mon.csv --trace tue.csv --policy static --attainment 0.999 -o json"},
    .options = tune_options(),
    .run = tune};

}  // namespace tidegate
