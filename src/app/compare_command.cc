// `tidegate compare`: policies side by side on the same traffic, beside what hindsight would have cost.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/command.h"
#include "app/comparison_choice.h"
#include "app/comparison_table.h"
#include "app/contestants.h"
#include "app/exit_status.h"
#include "app/parallel_jobs.h"
#include "app/played_comparison.h"
#include "edge/machine/file_descriptor.h"
#include "lab/report/comparison_json.h"
#include "lab/report/report_page.h"

namespace tidegate {
namespace {

Result<ComparisonOrder> read_order(const Arguments& given) {
  ComparisonOrder order;
  const auto seeds = count_between(given, "--seeds", 1, 100, 1);
  if (!seeds) return std::unexpected(seeds.error());
  order.seeds = *seeds;
  const auto jobs = count_between(given, "--jobs", 1, 256, cores());
  if (!jobs) return std::unexpected(jobs.error());
  order.threads = *jobs;
  order.with_bounds = !given.flag("--no-bounds");
  return order;
}

// Every policy met what was asked for with one of its settings, on every trace.
bool all_met(const Comparison& comparison) {
  std::map<std::pair<std::string, std::size_t>, bool> met;
  for (const auto& run : comparison.runs) {
    bool& one = met[{comparison.contestants[run.job.contestant].name, run.job.trace}];
    one = one || run.result.attainment() >= comparison.attainment;
  }
  return std::ranges::all_of(met, [](const auto& each) { return each.second; });
}

int compare(const Arguments& given, Terminal& terminal) {
  const auto choice = read_comparison_choice(given, terminal);
  if (!choice) {
    const int status = report(terminal, choice.error());
    return choice.error().kind == ErrorKind::invalid && !given.value("--config") ? exit_usage : status;
  }
  auto order = read_order(given);
  if (!order) {
    (void)report(terminal, order.error());
    return exit_usage;
  }
  auto contestants =
      read_contestants(*given.value("--policies"),
                       {.service = choice->service.spec, .scale = choice->scale(), .swept = given.flag("--sweep")});
  if (!contestants) {
    (void)report(terminal, contestants.error());
    return exit_usage;
  }
  order->contestants = std::move(*contestants);
  const auto played = play_comparison(*choice, *order, terminal);
  if (!played) return report(terminal, played.error());
  if (played->interrupted) return exit_interrupted;
  if (terminal.wants_json())
    terminal.data(to_json(played->comparison, played->walls));
  else
    terminal.data_raw(comparison_table(played->comparison, terminal));
  if (const auto path = given.value("--report")) {
    const auto written = replace_file(*path, comparison_page(played->comparison));
    if (!written) return report(terminal, written.error());
    terminal.say(fmt::format("tidegate: the report is in {}", *path));
  }
  return given.flag("--require") && !all_met(played->comparison) ? exit_objective_missed : exit_ok;
}

std::vector<Option> compare_options() {
  auto options = comparison_options();
  const std::vector<Option> own{
      {.name = "--policies",
       .value = "LIST",
       .help = "names with commas between them, or whole ones as {hpa: {target_average: 4}}",
       .fallback = "slo,hpa"},
      {.name = "--sweep", .help = "try each policy at every point of its table of knobs"},
      {.name = "--seeds", .value = "N", .help = "how many seeds, from --seed on", .fallback = "1"},
      {.name = "--jobs", .value = "N", .help = "runs at once (default: as many as there are cores)"},
      {.name = "--no-bounds", .help = "leave out the clairvoyant and the rate oracle, which take several runs each"},
      {.name = "--report", .value = "FILE", .help = "also write a self-contained HTML report"},
      {.name = "--require", .help = "exit 99 when a policy does not meet the SLO with any setting"}};
  options.insert(options.end(), own.begin(), own.end());
  return options;
}

}  // namespace

extern const Command compare_command;
const Command compare_command{
    .name = "compare",
    .group = CommandGroup::try_out,
    .summary = "play policies on the same traffic, beside what hindsight would have cost",
    .examples = {"tidegate compare --config tidegate.yaml --trace week.csv.gz --policies slo,hpa",
                 "tidegate compare --trace week.csv.gz --peak-replicas 24 --policies slo,hpa,static --sweep "
                 "--report week.html"},
    .options = compare_options(),
    .run = compare};

}  // namespace tidegate
