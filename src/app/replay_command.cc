// `tidegate replay`: decides every journalled observation once more and says where that comes out differently.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/resolvers.h"
#include "core/base/json_writer.h"
#include "serve/config/configuration.h"
#include "serve/journal/verification.h"
#include "serve/lines/decision_line.h"

namespace tidegate {
namespace {

namespace fs = std::filesystem;

// The journal given, the one in the directory given, or the one that the configuration's controller writes.
std::string journal_path(const Arguments& given, const FleetSpec& fleet) {
  std::string path = given.value("JOURNAL").value_or(fleet.machine.state_directory);
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

Result<FleetSpec> fleet_given(const Arguments& given) {
  if (!given.rest().empty()) return fleet_of_command(given.rest());
  const auto loaded = load_configuration_file(given.value("--config").value_or(""), app_resolvers());
  return loaded ? fleet_of(*loaded) : std::unexpected(loaded.error());
}

int replay(const Arguments& given, Terminal& terminal) {
  const auto fleet = fleet_given(given);
  if (!fleet) return report(terminal, fleet.error());
  const auto journal = Journal::open_to_read(journal_path(given, *fleet));
  if (!journal) return report(terminal, journal.error());
  const auto found = verify(**journal, *fleet);
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
  terminal.say("tidegate: a configuration that was changed since is one reason for differences");
  return exit_difference;
}

}  // namespace

extern const Command replay_command;
const Command replay_command{
    .name = "replay",
    .group = CommandGroup::try_out,
    .summary = "decide a journal's observations again and compare: exit 4 when decisions differ",
    .examples = {"tidegate replay", "tidegate replay /var/lib/tidegate/journal.sqlite --config changed.yaml"},
    .options = {{.name = "--config", .value = "FILE", .help = "what to decide by", .fallback = "tidegate.yaml"}},
    .positionals = {{.name = "JOURNAL",
                     .help = "a journal, or the state directory with it (default: the configuration's)"}},
    .takes_rest = true,
    .run = replay};

}  // namespace tidegate
