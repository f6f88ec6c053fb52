// `tidegate doctor`: looks at everything a controller stands on and says what to do about what is wrong. It changes
// nothing and works beside a running controller as well as without one.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "app/cluster_examination.h"
#include "app/command.h"
#include "app/controller_client.h"
#include "app/examination.h"
#include "app/resolvers.h"
#include "edge/machine/gpu_inventory.h"
#include "edge/machine/system_clock.h"
#include "edge/sources/page_reader.h"
#include "edge/sources/prometheus_source.h"
#include "edge/sources/scrape_source.h"
#include "serve/api/fact_text.h"
#include "serve/config/configuration.h"
#include "serve/config/diagnostic.h"
#include "serve/journal/journal.h"

namespace tidegate {
namespace {

constexpr double clock_apart_max = 2;  // seconds
constexpr std::size_t pages_max = 32;  // replicas examined

std::optional<FleetSpec> examine_configuration(Examination& on, const std::string& path, bool is_named) {
  const auto loaded = load_configuration_file(path, app_resolvers());
  if (!loaded) {
    on.say(is_named ? Finding::fail : Finding::warn, "configuration", loaded.error().message,
           "name it with --config, or write one with `tidegate init`");
    return std::nullopt;
  }
  const auto& problems = loaded->problems;
  if (problems.has_errors())
    on.say(Finding::fail, "configuration", fmt::format("{}: {}", path, counts(problems)),
           fmt::format("`tidegate validate {}` shows them", path));
  else if (problems.warnings() > 0)
    on.say(Finding::warn, "configuration", fmt::format("{}: {}", path, counts(problems)),
           fmt::format("`tidegate validate {}` shows them", path));
  else
    on.say(Finding::ok, "configuration",
           fmt::format("{}: {} service{}", path, loaded->fleet->services.size(),
                       loaded->fleet->services.size() == 1 ? "" : "s"));
  return loaded->fleet;
}

void examine_gpus(Examination& on, const FleetSpec& fleet) {
  std::int32_t wanted = 0;
  for (const auto& service : fleet.services)
    for (const auto& pool : service.pools)
      if (service.mode == Mode::act) wanted = std::max(wanted, pool.gpus);
  const GpuInventory inventory(fleet.machine);
  const auto gpus = inventory.read();
  if (!gpus)
    return on.say(Finding::fail, "GPUs", gpus.error().message,
                  "run nvidia-smi: the driver is there and does not answer");
  const auto count = static_cast<std::int32_t>(gpus->size());
  const auto busy = std::ranges::count_if(*gpus, [](const GpuReading& gpu) { return !gpu.processes.empty(); });
  const auto found = fmt::format("{} GPU{}, {} in use{}", count, count == 1 ? "" : "s", busy,
                                 inventory.driver_problem().empty() ? "" : "; " + inventory.driver_problem());
  if (wanted > count)
    return on.say(Finding::fail, "GPUs", fmt::format("{}; a replica wants {}", found, wanted),
                  "list them in `machine.gpus`, or lower `gpus` of the pool");
  on.say(Finding::ok, "GPUs", found);
}

std::string state_directory(const FleetSpec& fleet) {
  if (!fleet.machine.state_directory.empty()) return fleet.machine.state_directory;
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  return state != nullptr && *state != '\0' ? fmt::format("{}/tidegate", state)
                                            : fmt::format("{}/.local/state/tidegate", home != nullptr ? home : "");
}

void examine_state(Examination& on, const FleetSpec& fleet) {
  const auto path = state_directory(fleet);
  std::error_code problem;
  if (!std::filesystem::exists(path, problem))
    return on.say(Finding::ok, "state", fmt::format("{} is not there yet; `tidegate run` creates it", path));
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0)
    return on.say(Finding::fail, "state", fmt::format("{} cannot be written by this user", path),
                  "run as its owner, or set `machine.state_directory`");
  const auto space = std::filesystem::space(path, problem);
  const double free_gib = problem ? 0 : static_cast<double>(space.available) / (1LL << 30);
  const bool is_tight = !problem && free_gib < 1;
  on.say(is_tight ? Finding::warn : Finding::ok, "state", fmt::format("{}, {:.1f} GiB free", path, free_gib),
         is_tight ? "free some space: the journal stops growing when the disk is full" : "");
  const auto file = fmt::format("{}/{}", path, journal_filename);
  if (!std::filesystem::exists(file, problem)) return on.say(Finding::ok, "journal", "none is written yet");
  const auto journal = Journal::open_to_read(file);
  if (!journal)
    return on.say(Finding::fail, "journal", journal.error().message,
                  "move the file aside; a new one is begun at the next start");
  on.say(Finding::ok, "journal", fmt::format("{}, newest tick {}", file, time_text((*journal)->newest())));
}

void examine_prometheus(Examination& on, const FleetSpec& fleet) {
  HttpClient client;
  for (const auto& question : prometheus_questions(fleet.services)) {
    const auto what = question.service;
    const auto query = printable_excerpt(question.query.query, 80);
    const auto answer = ask_prometheus(client, question.query);
    if (!answer)
      on.say(Finding::fail, what, fmt::format("{}: {}", query, answer.error().message),
             "check `prometheus.url`, its token, and the query in Prometheus' own page");
    else if (!answer->value)
      on.say(question.query.when_empty ? Finding::ok : Finding::warn, what, fmt::format("{}: an empty answer", query),
             question.query.when_empty ? "" : "the metric may not exist (any more): look its name up in Prometheus");
    else if (std::isnan(*answer->value))
      on.say(Finding::warn, what, fmt::format("{}: not a number", query), "usual for a quantile without requests");
    else
      on.say(Finding::ok, what, fmt::format("{} = {}", query, number_text(*answer->value)));
  }
}

std::optional<ScrapeTarget> target_of(const ServiceStatus& service, const ReplicaStatus& replica) {
  const auto colon = replica.endpoint.rfind(':');
  if (replica.state != "ready" || colon == std::string::npos) return std::nullopt;
  return ScrapeTarget{service.name, replica.pool, replica.id, replica.endpoint.substr(0, colon),
                      static_cast<std::uint16_t>(std::atoi(replica.endpoint.c_str() + colon + 1))};
}

void examine_pages(Examination& on, const FleetSpec& fleet, const FleetStatus& running) {
  const auto plans = scrape_plans(fleet.services);
  if (!plans) return on.say(Finding::fail, "signals", plans.error().message);
  HttpClient client;
  std::size_t examined = 0;
  for (const auto& plan : *plans)
    for (const auto& service : running.services) {
      if (service.name != plan.service) continue;
      for (const auto& replica : service.replicas) {
        const auto target = target_of(service, replica);
        if (!target || examined++ >= pages_max) continue;
        const auto findings = examine_replica(client, plan, *target);
        if (!findings) {
          on.say(Finding::fail, replica.id, findings.error().message,
                 "its metrics page cannot be read: `signals.port`?");
          continue;
        }
        std::string missing;
        for (const auto& one : *findings)
          if (one.name.empty())
            missing += fmt::format("{}{}", missing.empty() ? "" : ", ", to_text(one.metric->signal));
        on.say(
            missing.empty() ? Finding::ok : Finding::warn, replica.id,
            missing.empty() ? "its metrics page has every signal" : "its metrics page lacks " + missing,
            missing.empty() ? "" : "these signals stay absent; another version of the server may name them otherwise");
      }
    }
}

void examine_signals(Examination& on, const FleetStatus& running) {
  for (const auto& service : running.services)
    for (const auto& signal : service.signals)
      if (signal.quality == "stale" || signal.quality == "error")
        on.say(Finding::warn, service.name,
               fmt::format("{} is {}{}", signal.name, signal.quality,
                           signal.age ? fmt::format(", {} old", to_text(from_seconds(*signal.age))) : ""),
               "nothing is lowered on it; the lines of this service above and below say why");
}

void examine_controller(Examination& on, ControllerClient& client, const std::optional<FleetSpec>& fleet) {
  const auto health = client.health();
  if (!health) {
    const bool absent = health.error().kind == ErrorKind::unreachable;
    return on.say(absent ? Finding::warn : Finding::fail, "controller", health.error().message);
  }
  on.say(Finding::ok, "controller",
         fmt::format("{} at {}, {} ticks, the newest took {}", health->version, client.server(), health->ticks,
                     to_text(from_seconds(health->tick_seconds))));
  const double apart = std::abs(seconds(SystemClock{}.now()) - health->now);
  on.say(apart > clock_apart_max ? Finding::warn : Finding::ok, "clock",
         fmt::format("the newest tick lies {} from this machine's time", to_text(from_seconds(apart))),
         apart > clock_apart_max ? "set both clocks (NTP); a restart takes a clock that was set over" : "");
  if (health->ticks_late * 20 > health->ticks)
    on.say(Finding::warn, "ticks", fmt::format("{} of {} began late", health->ticks_late, health->ticks),
           "the machine is overloaded, or `control.tick` too short for this fleet");
  if (!health->reload_ok)
    on.say(Finding::fail, "reload", health->reload_problem, "the running configuration is the one before");
  if (!health->journal_problem.empty() || health->journal_dropped > 0)
    on.say(Finding::fail, "journal",
           fmt::format("{} ticks dropped; {}", health->journal_dropped, health->journal_problem),
           "free space or mend the disk; control goes on meanwhile");
  if (!health->gateway_connected)
    on.say(Finding::warn, "gateway", "its link is down", "start it: `tidegate gateway` (or look at its log)");
  const auto running = client.fleet();
  if (!running) return on.say(Finding::fail, "controller", running.error().message);
  examine_signals(on, *running);
  if (fleet) examine_pages(on, *fleet, *running);
}

int doctor(const Arguments& given, Terminal& terminal) {
  Examination on(terminal);
  const auto named = given.value("--config");
  const auto fleet = examine_configuration(on, named.value_or("tidegate.yaml"), named.has_value());
  examine_gpus(on, fleet.value_or(FleetSpec{}));
  examine_state(on, fleet.value_or(FleetSpec{}));
  if (fleet) examine_prometheus(on, *fleet);
  if (fleet) examine_cluster(on, *fleet);
  auto client = fleet || !named ? ControllerClient::connect(given, terminal)
                                : Result<ControllerClient>{std::in_place, terminal.server(), std::nullopt};
  if (!client)
    on.say(Finding::fail, "controller", client.error().message);
  else
    examine_controller(on, *client, fleet);
  return on.status();
}

}  // namespace

extern const Command doctor_command;
const Command doctor_command{
    .name = "doctor",
    .group = CommandGroup::understand,
    .summary = "examine configuration, machine, sources, replicas and controller, and say what to do",
    .examples = {"tidegate doctor", "tidegate doctor --config tidegate.yaml -o json"},
    .options = {config_option()},
    .run = doctor};

}  // namespace tidegate
