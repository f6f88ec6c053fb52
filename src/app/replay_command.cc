// `tidegate replay`: decides every journalled observation once more and says where that comes out differently; or says
// what other policies would have made of what a journal or a Prometheus server recorded.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <iterator>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/journal_recording.h"
#include "app/prometheus_order.h"
#include "app/prometheus_recording.h"
#include "app/recorded_comparison.h"
#include "app/resolvers.h"
#include "app/time_words.h"
#include "core/base/json_writer.h"
#include "serve/config/configuration.h"
#include "serve/journal/verification.h"
#include "serve/lines/decision_line.h"

namespace tidegate {
namespace {

namespace fs = std::filesystem;

// Where a controller of this configuration keeps its state; empty: at its default place.
Result<std::string> state_directory(const std::optional<FleetSpec>& fleet) {
  if (fleet) return fleet->machine.state_directory;
  std::error_code problem;
  if (!fs::exists("tidegate.yaml", problem)) return std::string{};
  const auto loaded = load_configuration_file("tidegate.yaml", app_resolvers());
  if (!loaded) return std::unexpected(loaded.error());
  const auto found = fleet_of(*loaded);
  if (!found) return std::unexpected(found.error());
  return found->machine.state_directory;
}

// The journal given, the one in the directory given, or the one that the configuration's controller writes.
Result<std::string> journal_path(const Arguments& given, const std::optional<FleetSpec>& fleet) {
  std::string path = given.value("JOURNAL").value_or("");
  if (path.empty()) {
    auto directory = state_directory(fleet);
    if (!directory) return directory;
    path = std::move(*directory);
  }
  if (path.empty()) {
    const char* state = std::getenv("XDG_STATE_HOME");
    const char* home = std::getenv("HOME");
    path = state != nullptr && *state != '\0' ? fmt::format("{}/tidegate", state)
                                              : fmt::format("{}/.local/state/tidegate", home != nullptr ? home : "");
  }
  std::error_code problem;
  return fs::is_directory(path, problem) ? fmt::format("{}/{}", path, journal_filename) : path;
}

std::string time_text(Instant at) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S}Z", std::chrono::floor<std::chrono::milliseconds>(at));
}

std::string size_text(const StoredDecision& decision) {
  std::string text;
  for (const auto& pool : decision.pools)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", pool.pool, pool.replicas.value());
  return fmt::format("{} to {} because {}, band {:.3g}..{:.3g}", to_text(decision.verdict), text,
                     to_text(decision.reason), decision.band.floor.value(), decision.band.ceiling.value());
}

// The first stage that came out differently says where to look.
std::string first_stage(const StoredDecision& then, const StoredDecision& again) {
  for (std::size_t i = 0; i < std::min(then.stages.size(), again.stages.size()); ++i)
    if (then.stages[i] != again.stages[i])
      return fmt::format("        first at stage {}: {:.6g} -> {:.6g} {}, now {:.6g} -> {:.6g} {}",
                         to_text(again.stages[i].stage), then.stages[i].before, then.stages[i].after,
                         to_text(then.stages[i].reason), again.stages[i].before, again.stages[i].after,
                         to_text(again.stages[i].reason));
  return {};
}

void show(const ServiceVerification& one, Terminal& terminal) {
  const bool equal = one.differing == 0;
  terminal.data(fmt::format("{}  {}  {} decisions from {} to {}{}{}",
                            terminal.paint(equal ? Tone::good : Tone::bad, equal ? "equal " : "DIFFER"), one.service,
                            one.compared, time_text(one.from), time_text(one.to),
                            one.from_checkpoint ? ", from a checkpoint on" : "",
                            equal ? "" : fmt::format(": {} differ", one.differing)));
  for (const auto& difference : one.differences) {
    terminal.data(fmt::format("    {}  {} differ{}", time_text(difference.again.now), difference.what,
                              difference.what == "the pools" || difference.what == "the expectations" ? "" : "s"));
    terminal.data(fmt::format("        then {}", size_text(difference.then)));
    terminal.data(fmt::format("        now  {}", size_text(difference.again)));
    if (difference.then.now != difference.again.now) continue;
    if (const auto stage = first_stage(difference.then, difference.again); !stage.empty())
      terminal.data(terminal.paint(Tone::dim, stage));
  }
}

std::string as_json(const Verification& found) {
  JsonWriter json;
  json.object();
  json.key("differing").value(found.differing());
  json.key("services").array();
  for (const auto& one : found.services) {
    json.object();
    json.key("service").value(one.service);
    json.key("from").exact(one.from);
    json.key("to").exact(one.to);
    json.key("from_checkpoint").value(one.from_checkpoint);
    json.key("compared").value(one.compared);
    json.key("differing").value(one.differing);
    json.key("differences").array();
    for (const auto& difference : one.differences) {
      json.object();
      json.key("what").value(difference.what);
      json.key("then").raw(decision_line(view_of(difference.then)));
      json.key("now").raw(decision_line(view_of(difference.again)));
      json.end();
    }
    json.end();
    json.end();
  }
  json.end();
  json.end();
  return json.take();
}

Result<FleetSpec> fleet_of(const ConfigurationText& source) {
  if (source.form == ConfigurationForm::command) return fleet_of_command(words_of_command(source));
  return fleet_of(load_configuration(source.text, "(journal)", app_resolvers()));
}

// What the user names to decide by; none: what the journal says was decided by.
Result<std::optional<FleetSpec>> fleet_given(const Arguments& given) {
  if (!given.rest().empty()) return fleet_of_command(given.rest());
  const auto path = given.value("--config");
  if (!path) return std::optional<FleetSpec>{};
  const auto loaded = load_configuration_file(*path, app_resolvers());
  return loaded ? fleet_of(*loaded) : std::unexpected(loaded.error());
}

Result<std::vector<SpecSince>> specs_of(const Journal& journal, std::optional<FleetSpec> given) {
  std::vector<SpecSince> specs;
  if (given) {
    specs.push_back({.fleet = std::move(*given)});
    return specs;
  }
  const auto configurations = journal.configurations();
  if (!configurations) return std::unexpected(configurations.error());
  for (const auto& one : *configurations) {
    auto fleet = fleet_of(one.source);
    if (!fleet)
      return fail(fleet.error().kind, fmt::format("the journal's configuration of {} cannot be read by this tidegate; "
                                                  "name another with --config\n{}",
                                                  time_text(one.since), fleet.error().message));
    specs.push_back({one.since, std::move(*fleet)});
  }
  if (specs.empty())
    return fail(ErrorKind::not_found,
                "the journal does not hold the configuration it was decided by; name it with --config");
  return specs;
}

// Every tick once more, by the same policy.
int verify_journal(const Arguments& given, Terminal& terminal) {
  auto fleet = fleet_given(given);
  if (!fleet) return report(terminal, fleet.error());
  const auto path = journal_path(given, *fleet);
  if (!path) return report(terminal, path.error());
  const auto journal = Journal::open_to_read(*path);
  if (!journal) return report(terminal, journal.error());
  const bool is_other = fleet->has_value();
  const auto specs = specs_of(**journal, std::move(*fleet));
  if (!specs) return report(terminal, specs.error());
  const auto found = verify(**journal, *specs);
  if (!found) return report(terminal, found.error());
  if (found->services.empty())
    return report(terminal, {ErrorKind::not_found,
                             "the journal has no tick of a service of this configuration that "
                             "could be decided again"});
  if (terminal.wants_json())
    terminal.data(as_json(*found));
  else
    for (const auto& one : found->services) show(one, terminal);
  for (const auto& name : found->unknown)
    terminal.say(fmt::format("tidegate: {} is in the journal and not in the configuration", name));
  if (found->differing() == 0) return exit_ok;
  if (is_other) terminal.say("tidegate: the journal may have been decided by another configuration than this one");
  return exit_difference;
}

// The one service, or the one named.
Result<ServiceSpec> service_in(const FleetSpec& fleet, const Arguments& given) {
  const auto name = given.value("--service");
  if (!name && fleet.services.size() == 1) return fleet.services.front();
  std::string names;
  for (const auto& service : fleet.services) {
    if (name && service.name == *name) return service;
    names += (names.empty() ? "" : ", ") + service.name;
  }
  return fail(name ? ErrorKind::not_found : ErrorKind::invalid,
              fmt::format("choose one service with --service NAME: {}", names));
}

Result<JournalSpan> journal_span(const Arguments& given, const Journal& journal) {
  JournalSpan span;
  if (const auto since = given.value("--since")) {
    const auto at = read_time(*since, journal.newest());
    if (!at) return fail(ErrorKind::invalid, "--since: " + at.error().message);
    span.from = *at;
  }
  if (const auto until = given.value("--until")) {
    const auto at = read_time(*until, journal.newest());
    if (!at) return fail(ErrorKind::invalid, "--until: " + at.error().message);
    span.until = *at;
  }
  return span;
}

Result<ServiceRecording> recording_of_journal(const Arguments& given) {
  auto fleet = fleet_given(given);
  if (!fleet) return std::unexpected(fleet.error());
  const auto path = journal_path(given, *fleet);
  if (!path) return std::unexpected(path.error());
  const auto journal = Journal::open_to_read(*path);
  if (!journal) return std::unexpected(journal.error());
  const auto specs = specs_of(**journal, std::move(*fleet));
  if (!specs) return std::unexpected(specs.error());
  auto service = service_in(specs->back().fleet, given);
  if (!service) return std::unexpected(service.error());
  const auto span = journal_span(given, **journal);
  if (!span) return std::unexpected(span.error());
  return record_journal(**journal, std::move(*service), *span);
}

// What the user cannot have meant, said before anything is asked or read.
Result<void> check_words(const Arguments& given) {
  const bool is_prometheus = given.value("--prometheus").has_value();
  const auto without = [&](std::initializer_list<const char*> names, std::string_view with) -> Result<void> {
    for (const char* name : names)
      if (given.value(name)) return fail(ErrorKind::invalid, fmt::format("{} goes with {}", name, with));
    return {};
  };
  if (is_prometheus && (given.value("JOURNAL") || !given.rest().empty()))
    return fail(ErrorKind::invalid, "either a journal or --prometheus URL is replayed, not both");
  if (is_prometheus) return {};
  if (auto fits = without({"--against", "--traffic", "--sizes", "--attained", "--token-env"}, "--prometheus URL");
      !fits)
    return fits;
  if (given.value("--policies")) return {};
  return without({"--since", "--until", "--service", "--slo", "--replicas", "--replica", "--cold-start", "--burstiness",
                  "--tokens", "--warm-up", "--jobs", "--no-bounds", "--report"},
                 "--policies LIST or --prometheus URL");
}

int usage(Terminal& terminal, const Error& error) {
  const int status = report(terminal, error);
  return error.kind == ErrorKind::invalid ? exit_usage : status;
}

int replay_prometheus(const std::string& policies, const Arguments& given, Terminal& terminal) {
  const auto order = read_prometheus_order(given);
  if (!order) return usage(terminal, order.error());
  const auto begun = begin_recording(given);
  if (!begun) return report(terminal, begun.error());
  const auto known = check_recorded(*begun, policies, given);
  if (!known) return usage(terminal, known.error());
  auto recording = record_prometheus(*order, *begun, *known, terminal);
  if (!recording) return usage(terminal, recording.error());
  if (!*recording) return exit_interrupted;
  return compare_recorded(std::move(**recording), policies, given, terminal);
}

int replay_journal(const std::string& policies, const Arguments& given, Terminal& terminal) {
  auto recording = recording_of_journal(given);
  if (!recording) return report(terminal, recording.error());
  return compare_recorded(std::move(*recording), policies, given, terminal);
}

int replay(const Arguments& given, Terminal& terminal) {
  if (const auto meant = check_words(given); !meant) return usage(terminal, meant.error());
  const auto policies = given.value("--policies");
  if (given.value("--prometheus")) return replay_prometheus(policies.value_or("slo"), given, terminal);
  return policies ? replay_journal(*policies, given, terminal) : verify_journal(given, terminal);
}

std::vector<Option> replay_options() {
  std::vector<Option> options{
      {.name = "--config",
       .value = "FILE",
       .help = "what to decide by; with --policies or --prometheus the service to play (default: what the journal says "
               "was decided by; with --prometheus what was recorded)"},
      {.name = "--policies",
       .value = "LIST",
       .help = "play these instead on the traffic of the journal, as of `compare` (with --prometheus default slo)"}};
  for (auto more : {prometheus_options(), recorded_comparison_options()})
    std::ranges::move(more, std::back_inserter(options));
  return options;
}

}  // namespace

extern const Command replay_command;
const Command replay_command{
    .name = "replay",
    .group = CommandGroup::try_out,
    .summary =
        "verify a journal, or say what other policies would have done with it or with a Prometheus server's past",
    .examples = {"tidegate replay", "tidegate replay /var/lib/tidegate/journal.sqlite --config changed.yaml",
                 "tidegate replay /var/lib/tidegate --policies slo,hpa --report week.html",
                 "tidegate replay --prometheus http://prometheus:9090 --since 14d --against hpa/prod/chat"},
    .options = replay_options(),
    .positionals = {{.name = "JOURNAL",
                     .help = "a journal, or the state directory with it (default: that of --config or tidegate.yaml); "
                             "without --policies every tick is decided again: exit 4 when decisions differ"}},
    .takes_rest = true,
    .run = replay};

}  // namespace tidegate
