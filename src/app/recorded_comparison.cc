#include "app/recorded_comparison.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>

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

constexpr auto recorded_policy = "recorded";
constexpr double bridged_most = 0.5;  // of the load: more would be invention
constexpr double misfit_told = 0.01;  // between the SLO measured and played
constexpr std::size_t steps_least = 10;

std::string percent_text(double share) { return fmt::format("{:.3f} %", share * 100); }

// What `settle` made up, in words; fails where it is too much to be worth anything.
Result<void> settle_and_say(ServiceRecording& recording, Terminal& terminal) {
  const auto whole = recording.load.length();
  const auto gaps = settle(recording.load);
  const auto& load = recording.load;
  if (load.steps() < steps_least)
    return fail(
        ErrorKind::not_found,
        fmt::format("{}: requests and replicas were recorded together for {} only, of the {} asked for; that is "
                    "too short to play",
                    recording.name, to_text(load.length()), to_text(whole)));
  if (gaps.bridged > Duration{static_cast<std::int64_t>(static_cast<double>(load.length().count()) * bridged_most)})
    return fail(ErrorKind::failed,
                fmt::format("{}: the requests are not known for {} of {}; that is too little to play", recording.name,
                            to_text(gaps.bridged), to_text(load.length())));
  terminal.say(fmt::format("tidegate: {}, {} to {}, {}", recording.name, minute_text(load.start),
                           minute_text(load.start + load.length()), to_text(load.length())));
  if (gaps.before + gaps.after > whole / 20)
    terminal.say(fmt::format("  of {} asked for; nothing was recorded outside", to_text(whole)));
  if (gaps.bridged > Duration::zero())
    terminal.say(fmt::format("  requests are not known for {} of it, at most {} at a stretch; bridged",
                             to_text(gaps.bridged), to_text(gaps.longest)));
  if (gaps.asleep > Duration::zero())
    terminal.say(
        fmt::format("  without a replica nobody counted requests for {} of it; taken as none", to_text(gaps.asleep)));
  for (const auto& note : recording.notes) terminal.say("  " + note);
  return {};
}

std::string_view source_text(ReplicaSource source) {
  return source == ReplicaSource::given ? "as given" : source == ReplicaSource::recorded ? "as recorded" : "assumed";
}

void say_replica(const RecordedService& known, Terminal& terminal) {
  const auto& pool = known.service.pools.front();
  const auto& sources = known.sources;
  const Duration start = pool.life.provision + pool.life.pull + pool.life.load + pool.life.warm_up;
  const auto work = std::holds_alternative<std::monostate>(pool.server)
                        ? fmt::format("{} requests at once ({}), {} each ({})", pool.work.slots,
                                      source_text(sources.slots), to_text(pool.work.base), source_text(sources.service))
                        : std::string{"requests as its model says (as given)"};
  terminal.say(fmt::format("  a replica serves {}, after a cold start of {} ({})", work, to_text(start),
                           source_text(sources.cold_start)));
  const auto assumed = {sources.slots, sources.service, sources.cold_start};
  if (std::ranges::find(assumed, ReplicaSource::assumed) != assumed.end())
    terminal.say(terminal.paint_talk(Tone::warning,
                                     "  what is assumed decides the figures: say how a replica really is with "
                                     "--replica slots=8,service=2s and --cold-start 90s, or with --config"));
}

const ComparedRun* run_of(const Comparison& comparison, std::size_t contestant) {
  const auto found =
      std::ranges::find_if(comparison.runs, [&](const ComparedRun& run) { return run.job.contestant == contestant; });
  return found == comparison.runs.end() ? nullptr : &*found;
}

std::string measured_text(const RecordedFigures& measured, const SimulationResult& played, double promised) {
  std::string text = fmt::format("\nWhat really happened in the {} that count: {:.2f} replica-hours, {} scale event{}",
                                 to_text(played.scored), measured.replica_hours, measured.scale_events,
                                 measured.scale_events == 1 ? "" : "s");
  text += measured.attainment ? fmt::format(", {} within the SLO as it was measured ({:g} % are promised).\n",
                                            percent_text(*measured.attainment), promised * 100)
                              : std::string{"; the SLO was not measured.\n"};
  if (measured.attainment && std::abs(*measured.attainment - played.attainment()) > misfit_told)
    text += fmt::format(
        "The simulated fleet had {} with the same replicas, so it is not quite like yours: say how a "
        "replica really is with --replica and --cold-start.\n",
        percent_text(played.attainment()));
  return text;
}

std::string instead_text(const std::string& name, const SimulationResult& result, const SimulationResult& recorded) {
  const double change = result.replica_hours / recorded.replica_hours - 1;
  const auto hours = std::abs(change) < 0.0005 ? std::string{"as many replica-hours"}
                                               : fmt::format("{:.1f} % {} replica-hours", std::abs(change) * 100,
                                                             change < 0 ? "fewer" : "more");
  return fmt::format("{} instead: {} ({:.2f} for {:.2f}), {} within the SLO for {}.\n", name, hours,
                     result.replica_hours, recorded.replica_hours, percent_text(result.attainment()),
                     percent_text(recorded.attainment()));
}

// The recorded run is the first contestant.
std::string answer_text(const Comparison& comparison, const RecordedFigures& measured) {
  const auto* recorded = run_of(comparison, 0);
  if (recorded == nullptr) return {};
  std::string text = measured_text(measured, recorded->result, comparison.attainment);
  for (std::size_t i = 1; i < comparison.contestants.size(); ++i)
    if (const auto* run = run_of(comparison, i); run != nullptr && recorded->result.replica_hours > 0)
      text += instead_text(comparison.contestants[i].name, run->result, recorded->result);
  return text;
}

void write_recorded(JsonWriter& json, const ServiceRecording& recording, const RecordedFigures& measured) {
  const auto& load = recording.load;
  json.key("recorded").object();
  json.key("name").value(recording.name).key("from").value(load.start).key("to").value(load.start + load.length());
  json.key("slo_attainment").value(measured.attainment).key("replica_hours").value(measured.replica_hours);
  json.key("scale_events").value(measured.scale_events);
  json.key("notes").array();
  for (const auto& note : recording.notes) json.value(note);
  json.end().end();
}

struct RecordedOrder {
  ComparisonChoice choice;
  ComparisonOrder order;
};

Result<RecordedOrder> order_of(const ServiceRecording& recording, const std::string& policies, const Arguments& given,
                               Terminal& terminal) {
  auto known = read_recorded_service(given, recording.service, recording.is_plain, recorded_replica(recording.load));
  if (!known) return std::unexpected(known.error());
  say_replica(*known, terminal);
  TrafficChoice traffic{.recorded = std::make_shared<const RecordedLoad>(recording.load),
                        .recorded_name = recording.name};
  if (auto read = read_luck(given, traffic); !read) return std::unexpected(read.error());
  auto choice = recorded_choice(given, std::move(known->service), traffic, terminal);
  if (!choice) return std::unexpected(choice.error());
  ComparisonOrder order{.with_bounds = !given.flag("--no-bounds")};
  const auto jobs = count_between(given, "--jobs", 1, 256, cores());
  if (!jobs) return std::unexpected(jobs.error());
  order.threads = *jobs;
  order.contestants.push_back({.name = recorded_policy, .text = recorded_policy, .is_recorded = true});
  std::ranges::copy(recording.rivals, std::back_inserter(order.contestants));
  auto others = read_contestants(policies, {.service = choice->service.spec, .scale = choice->scale()});
  if (!others) return std::unexpected(others.error());
  std::ranges::move(*others, std::back_inserter(order.contestants));
  return RecordedOrder{std::move(*choice), std::move(order)};
}

}  // namespace

std::string minute_text(Instant at) {
  return fmt::format("{:%Y-%m-%d %H:%M}Z", std::chrono::floor<std::chrono::minutes>(at));
}

std::vector<Option> recorded_comparison_options() {
  std::vector<Option> options;
  for (auto& option : service_options()) {
    if (option.name == "--config") continue;
    if (option.name == "--service") option.help = "the one to play (default: the only one there is)";
    if (option.name == "--replicas") option.help = "bounds on the size (default: as configured, or of the autoscaler)";
    if (option.name == "--replica" || option.name == "--cold-start")
      option.help += " (default: as configured, else as recorded)";
    options.push_back(std::move(option));
  }
  for (auto& option : traffic_options())
    if (option.name == "--burstiness" || option.name == "--tokens" || option.name == "--seed")
      options.push_back(std::move(option));
  for (auto& option : comparison_options())
    if (option.name == "--warm-up" || option.name == "--tick") options.push_back(std::move(option));
  options.push_back({.name = "--jobs", .value = "N", .help = "runs at once (default: as many as there are cores)"});
  options.push_back({.name = "--no-bounds", .help = "leave out the clairvoyant and the rate oracle"});
  options.push_back({.name = "--report", .value = "FILE", .help = "also write a self-contained HTML report"});
  return options;
}

Result<SimulatedService> check_recorded(const ServiceRecording& begun, const std::string& policies,
                                        const Arguments& given) {
  auto known = read_recorded_service(given, begun.service, begun.is_plain, {});
  if (!known) return std::unexpected(known.error());
  TrafficChoice luck;
  if (auto read = read_luck(given, luck); !read) return std::unexpected(read.error());
  if (auto read = read_contestants(policies, {.service = known->service.spec, .scale = {}}); !read)
    return std::unexpected(read.error());
  return std::move(known->service);
}

int compare_recorded(ServiceRecording recording, const std::string& policies, const Arguments& given,
                     Terminal& terminal) {
  if (auto settled = settle_and_say(recording, terminal); !settled) return report(terminal, settled.error());
  const auto ordered = order_of(recording, policies, given, terminal);
  if (!ordered) {
    const int status = report(terminal, ordered.error());
    return ordered.error().kind == ErrorKind::invalid ? exit_usage : status;
  }
  const auto played = play_comparison(ordered->choice, ordered->order, terminal);
  if (!played) return report(terminal, played.error());
  if (played->interrupted) return exit_interrupted;
  const auto& comparison = played->comparison;
  const auto measured = recorded_figures(recording.load, ordered->choice.traces.front().warm_up());
  if (terminal.wants_json())
    terminal.data(
        to_json(comparison, played->walls, [&](JsonWriter& json) { write_recorded(json, recording, measured); }));
  else
    terminal.data_raw(comparison_table(comparison, terminal) + answer_text(comparison, measured));
  if (const auto path = given.value("--report")) {
    const auto written = replace_file(*path, comparison_page(comparison));
    if (!written) return report(terminal, written.error());
    terminal.say(fmt::format("tidegate: the report is in {}", *path));
  }
  return exit_ok;
}

}  // namespace tidegate
