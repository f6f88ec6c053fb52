// `tidegate simulate`: a policy on a trace in virtual time, and what it was worth.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/signal_descriptor.h"
#include "app/simulated_service.h"
#include "app/simulated_traffic.h"
#include "app/text_table.h"
#include "edge/machine/file_descriptor.h"
#include "edge/machine/system_clock.h"
#include "lab/report/report_page.h"
#include "lab/report/simulation_json.h"
#include "lab/sim/fleet_simulation.h"
#include "lab/sim/named_values.h"
#include "lab/sim/simulation.h"
#include "serve/config/configuration.h"

namespace tidegate {
namespace {

struct Played {
  SimulationResult result;
  Slo slo;
  Duration wall{};
};

struct SimulateChoice {
  std::vector<SimulatedService> services;
  std::vector<TrafficChoice> traffic;  // of each
  BudgetSpec budget;                   // that they share
  Duration warm_up{};
  Duration tick = 1s;
};

Result<SimulateChoice> simulate_choice_of(const Arguments& given) {
  auto fleet = read_simulated_fleet(given);
  if (!fleet) return std::unexpected(fleet.error());
  SimulateChoice wanted{.services = std::move(fleet->services), .budget = fleet->budget};
  if (given.value("--report") && wanted.services.size() != 1)
    return fail(ErrorKind::invalid, "--report shows one service; leave one in the configuration");
  if (const auto text = given.value("--policy")) {
    const auto policies = read_policy_text(*text);
    if (!policies) return std::unexpected(policies.error());
    for (auto& service : wanted.services) service.spec.policies = *policies;
  }
  for (const auto& service : wanted.services) {
    auto choice = read_traffic_choice(given, service.spec.name, wanted.services.size());
    if (!choice) return std::unexpected(choice.error());
    wanted.traffic.push_back(std::move(*choice));
  }
  for (auto [name, into] : {std::pair{"--warm-up", &wanted.warm_up}, {"--tick", &wanted.tick}}) {
    const auto span = read_span(*given.value(name));
    if (!span) return fail(ErrorKind::invalid, fmt::format("{} wants a time, as 1s or 1d", name));
    *into = *span;
  }
  if (wanted.tick < 100ms || wanted.tick > 1h) return fail(ErrorKind::invalid, "--tick is from 100ms to 1h");
  return wanted;
}

SimulationSpec simulation_of(const SimulatedService& service, const TrafficChoice& choice, const OpenTraffic& traffic,
                             const SimulateChoice& wanted) {
  return {.service = service.spec,
          .pools = service.pools,
          .tick = wanted.tick,
          .start = first_day + traffic.origin,
          .warm_up = wanted.warm_up,
          .length = traffic.length,
          .seed = choice.seed,
          .trace = traffic.name};
}

// Shows how far the run is, and ends it at a signal.
SimulationWatcher watcher(const std::string& name, Duration length, const FileDescriptor& interrupts,
                          Terminal& terminal) {
  return
      [&interrupts, &terminal, name, length, shown = SystemClock{}.now()](const SimulationProgress& progress) mutable {
        const Instant now = SystemClock{}.now();
        if (terminal.shows_progress() && now - shown >= 100ms) {
          shown = now;
          terminal.progress(fmt::format("{}  {} of {}, {} requests",
                                        progress_bar(seconds(progress.played) / std::max(1e-9, seconds(length))),
                                        to_text(progress.played), name, progress.requests));
        }
        return next_signal(interrupts) == 0;
      };
}

Result<Played> play(const SimulatedService& service, const TrafficChoice& choice, const SimulateChoice& wanted,
                    const FileDescriptor& interrupts, Terminal& terminal) {
  auto traffic = open_traffic(choice, service);
  if (!traffic) return std::unexpected(traffic.error());
  const auto spec = simulation_of(service, choice, *traffic, wanted);
  const SystemClock clock;
  const Instant began = clock.now();
  auto result =
      simulate(spec, std::move(traffic->feed), watcher(service.spec.name, traffic->length, interrupts, terminal));
  terminal.clear_progress();
  if (!result) return std::unexpected(result.error());
  return Played{.result = std::move(*result), .slo = service.spec.slo, .wall = clock.now() - began};
}

// All at once, for what one may buy depends on the others. They share the clock of the first one's trace.
Result<std::vector<Played>> play_fleet(const SimulateChoice& wanted, const FileDescriptor& interrupts,
                                       Terminal& terminal) {
  FleetSimulationSpec spec{.budget = wanted.budget};
  std::vector<RequestFeed> feeds;
  Duration longest{};
  for (std::size_t i = 0; i < wanted.services.size(); ++i) {
    auto traffic = open_traffic(wanted.traffic[i], wanted.services[i]);
    if (!traffic) return std::unexpected(traffic.error());
    spec.services.push_back(simulation_of(wanted.services[i], wanted.traffic[i], *traffic, wanted));
    spec.services.back().start = spec.services.front().start;
    longest = std::max(longest, traffic->length);
    feeds.push_back(std::move(traffic->feed));
  }
  const SystemClock clock;
  const Instant began = clock.now();
  auto results = simulate_fleet(spec, std::move(feeds), watcher("the fleet", longest, interrupts, terminal));
  terminal.clear_progress();
  if (!results) return std::unexpected(results.error());
  const Duration wall = (clock.now() - began) / static_cast<std::int64_t>(results->size());
  std::vector<Played> all;
  for (std::size_t i = 0; i < results->size(); ++i)
    all.push_back({.result = std::move((*results)[i]), .slo = wanted.services[i].spec.slo, .wall = wall});
  return all;
}

Result<std::vector<Played>> play_all(const SimulateChoice& wanted, const FileDescriptor& interrupts,
                                     Terminal& terminal) {
  if (wanted.budget != BudgetSpec{}) return play_fleet(wanted, interrupts, terminal);
  std::vector<Played> all;
  for (std::size_t i = 0; i < wanted.services.size(); ++i) {
    auto played = play(wanted.services[i], wanted.traffic[i], wanted, interrupts, terminal);
    if (!played) return std::unexpected(played.error());
    all.push_back(std::move(*played));
    if (all.back().result.cancelled) break;
  }
  return all;
}

std::string percent(double share) { return fmt::format("{:.2f} %", share * 100); }

std::string text_of(const std::vector<Played>& all, const BudgetSpec& budget, const Terminal& terminal) {
  const bool shares = budget != BudgetSpec{};
  std::vector<std::string> heads{"service",  "policy",       ">requests",  ">within SLO", ">ttft p50",
                                 ">p90",     ">p99",         ">queue p99", ">replica-h",  ">cost",
                                 ">changes", ">cold starts", ">exposed",   ">dropped"};
  if (shares) heads.push_back(">budget-capped");
  TextTable table(heads);
  for (const auto& [one, slo, wall] : all) {
    std::vector<std::string> row{one.service,
                                 one.policy,
                                 fmt::format("{}", one.requests),
                                 terminal.paint(is_met(one, slo) ? Tone::good : Tone::bad, percent(one.attainment())),
                                 to_text(one.ttft.p50),
                                 to_text(one.ttft.p90),
                                 to_text(one.ttft.p99),
                                 to_text(one.queue.p99),
                                 fmt::format("{:.1f}", one.replica_hours),
                                 one.cost > 0 ? fmt::format("${:.2f}", one.cost) : "-",
                                 fmt::format("{}", one.scale_events),
                                 fmt::format("{}", one.cold_starts),
                                 fmt::format("{}", one.cold_start_exposed),
                                 fmt::format("{}", one.dropped)};
    if (shares) row.push_back(to_text(one.budget_capped));
    table.row(row);
  }
  return table.text();
}

// One object; with several services their sums, and each of them below. Quantiles do not add up: none of the sum.
std::string json_of(const std::vector<Played>& all) {
  JsonWriter json;
  json.object();
  if (all.size() == 1) {
    write_simulation(json, all.front().result, all.front().wall);
    return json.end().take();
  }
  SimulationResult sum;
  Duration wall{};
  for (const auto& one : all) {
    add(sum, one.result);
    wall += one.wall;
  }
  write_simulation(json, sum, wall);
  json.key("services").array();
  for (const auto& one : all) {
    json.object().key("service").value(one.result.service);
    write_simulation(json, one.result, one.wall);
    json.end();
  }
  return json.end().end().take();
}

int simulate_services(const Arguments& given, Terminal& terminal) {
  const auto wanted = simulate_choice_of(given);
  if (!wanted) {
    (void)report(terminal, wanted.error());
    return wanted.error().kind == ErrorKind::invalid && !given.value("--config") ? exit_usage
                                                                                 : exit_status(wanted.error().kind);
  }
  const auto interrupts = open_signals({SIGINT, SIGTERM});
  auto played = play_all(*wanted, interrupts, terminal);
  if (!played) return report(terminal, Error{ErrorKind::failed, played.error().message});
  const auto all = std::move(*played);
  const bool interrupted = std::ranges::any_of(all, [](const Played& one) { return one.result.cancelled; });
  if (const auto path = given.value("--report")) {
    const auto written = replace_file(*path, simulation_page(all.front().result));
    if (!written) return report(terminal, written.error());
    terminal.say(fmt::format("tidegate: the report is in {}", *path));
  }
  if (terminal.wants_json())
    terminal.data(json_of(all));
  else
    terminal.data_raw(text_of(all, wanted->budget, terminal));
  for (const auto& one : all)
    terminal.say(fmt::format(
        "{}: {} of {} played in {}, {:.3g} million requests a second; decisions {:016x}", one.result.service,
        to_text(one.result.scored + wanted->warm_up), one.result.trace, to_text(one.wall),
        static_cast<double>(one.result.requests) * 1e-6 / std::max(1e-9, seconds(one.wall)), one.result.digest));
  if (interrupted) return exit_interrupted;
  const bool met = std::ranges::all_of(all, [](const Played& one) { return is_met(one.result, one.slo); });
  return given.flag("--require") && !met ? exit_objective_missed : exit_ok;
}

std::vector<Option> all_options() {
  auto options = traffic_options();
  options.push_back({.name = "--policy",
                     .value = "POLICY",
                     .help = "by name, or as in the configuration: 'hpa: {target_average: 6}' in braces "
                             "(default: as configured, else slo)"});
  options.push_back({.name = "--warm-up", .value = "D", .help = "played but not scored", .fallback = "0s"});
  options.push_back({.name = "--tick", .value = "D", .help = "time between two decisions", .fallback = "1s"});
  options.push_back({.name = "--report", .value = "FILE", .help = "also write a self-contained HTML report"});
  options.push_back({.name = "--require", .help = "exit 99 when the SLO is missed"});
  std::ranges::move(service_options(), std::back_inserter(options));
  return options;
}

}  // namespace

extern const Command simulate_command;
const Command simulate_command{
    .name = "simulate",
    .group = CommandGroup::try_out,
    .summary = "play traffic against a policy in virtual time and say what it was worth",
    .examples = {"tidegate simulate --trace week.csv.gz --peak-replicas 24 --warm-up 1d",
                 "tidegate simulate --generate diurnal:rate=20,swing=0.8 --policy hpa --cold-start 120s -o json",
                 "tidegate simulate --config tidegate.yaml --trace chat=chat.csv --trace code=code.csv --require",
                 "tidegate simulate --generate mmpp:rate=2,high=20 --replica profile=llama-3.1-8b-h100,load=40s"},
    .options = all_options(),
    .run = simulate_services};

}  // namespace tidegate
