// `tidegate run`: the controller, and the gateway with it unless that runs apart.
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/resolvers.h"
#include "app/running_fleet.h"
#include "app/signal_descriptor.h"
#include "serve/config/configuration.h"
#include "serve/runtime/file_watch.h"

namespace tidegate {
namespace {

constexpr std::size_t problems_shown = 3;

// What to run, and how to read it again.
struct RunChoice {
  SourcedFleet fleet;
  RunOptions options;
  std::optional<std::string> path;  // to watch; none: a command line or stdin
};

// Options of the command line stand above the file, now and at every reload.
struct Overlay {
  std::optional<std::string> listen, api, state;

  void apply(FleetSpec& spec) const {
    if (listen) spec.gateway.listen = *listen;
    if (api) spec.api.listen = *api;
    if (state) spec.machine.state_directory = *state;
  }
};

// For the log: one line, the first problems by their headlines.
Result<SourcedFleet> load_again(const std::string& path, const Overlay& overlay) {
  auto loaded = load_configuration_file(path, app_resolvers());
  if (!loaded) return std::unexpected(loaded.error());
  if (loaded->fleet) {
    overlay.apply(*loaded->fleet);
    return SourcedFleet{std::move(*loaded->fleet), {.text = std::move(loaded->text)}};
  }
  std::string text;
  std::size_t shown = 0;
  for (const auto& problem : loaded->problems.sorted()) {
    if (problem.severity != Severity::error || shown++ >= problems_shown) continue;
    text += (text.empty() ? "" : "; ") + headline(problem, path);
  }
  return fail(ErrorKind::invalid, fmt::format("{} ({})", text, counts(loaded->problems)));
}

Result<SourcedFleet> first_load(const std::string& path, Terminal& terminal) {
  auto loaded = load_configuration_file(path, app_resolvers());
  if (!loaded) return std::unexpected(loaded.error());
  if (!loaded->fleet) return std::unexpected(fleet_of(*loaded).error());
  for (const auto& problem : loaded->problems.sorted())
    terminal.say(terminal.paint_talk(Tone::warning, headline(problem, loaded->filename)));
  return SourcedFleet{std::move(*loaded->fleet), {.text = std::move(loaded->text)}};
}

Result<SourcedFleet> from_command(const std::vector<std::string>& words) {
  auto spec = fleet_of_command(words);
  if (!spec) return std::unexpected(spec.error());
  return SourcedFleet{std::move(*spec), text_of_command(words)};
}

Result<RunChoice> run_choice_of(const Arguments& given, Terminal& terminal) {
  const auto file = given.value("FILE");
  const auto path = file ? file : given.value("--config");
  if (!given.rest().empty() && path)
    return fail(ErrorKind::invalid, "give a configuration or a command after '--', not both");
  const auto drain = given.number("--drain");
  if (!drain) return std::unexpected(drain.error());
  if (**drain < 0 || **drain > 86400) return fail(ErrorKind::invalid, "--drain wants seconds from 0 to 86400");

  const Overlay overlay{given.value("--listen"), given.value("--api"), given.value("--state-directory")};
  RunChoice wanted;
  wanted.options.leaves_replicas = given.flag("--leave-replicas");
  wanted.options.takeover = given.flag("--takeover");
  wanted.options.drain = from_seconds(**drain);
  wanted.options.log_level = terminal.is_verbose() ? LogLevel::debug
                             : terminal.is_quiet() ? LogLevel::warning
                                                   : LogLevel::info;
  const auto name = path.value_or("tidegate.yaml");
  auto fleet = given.rest().empty() ? first_load(name, terminal) : from_command(given.rest());
  if (!fleet) return std::unexpected(fleet.error());
  wanted.fleet = std::move(*fleet);
  overlay.apply(wanted.fleet.spec);
  if (given.rest().empty() && name != "-") {
    wanted.path = name;
    wanted.options.load = [name, overlay] { return load_again(name, overlay); };
  }
  return wanted;
}

// Until somebody wants it to end. A reload that is refused says so in the log and changes nothing.
void wait_for_end(const FileDescriptor& signals, const std::optional<std::string>& path, RunningFleet& fleet,
                  Terminal& terminal) {
  std::optional<FileWatch> watch;
  if (path) {
    auto opened = FileWatch::open(*path);
    if (opened)
      watch.emplace(std::move(*opened));
    else
      terminal.complain(opened.error().message);
  }
  std::array<pollfd, 2> waiting{{{signals.get(), POLLIN, 0}, {watch ? watch->fd() : -1, POLLIN, 0}}};
  while (true) {
    int wait = -1;
    if (const auto due = watch ? watch->due() : std::nullopt) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - fleet.clock().now());
      wait = std::max(0, static_cast<int>(left.count()));
    }
    if (::poll(waiting.data(), waiting.size(), wait) < 0) continue;
    bool changed = watch && watch->look(fleet.clock().now());
    if (waiting[0].revents != 0) {
      const int signal = next_signal(signals);
      if (signal == SIGTERM || signal == SIGINT) return;
      changed = changed || signal == SIGHUP;
    }
    if (changed) [[maybe_unused]]
      const auto reloaded = fleet.panel().reload();
  }
}

// Stops in a thread of its own, so that a second signal is heard.
int stop(const FileDescriptor& signals, RunningFleet& fleet, const RunOptions& options, Terminal& terminal) {
  terminal.say(options.leaves_replicas
                   ? "stopping; running requests may end, replicas stay (again: at once)"
                   : "stopping; running requests may end, then the replicas are stopped (again: at once)");
  const int done = ::eventfd(0, EFD_CLOEXEC);
  bool in_time = false;
  std::jthread worker([&] {
    in_time = fleet.stop();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(done, &one, sizeof one);
  });
  std::array<pollfd, 2> waiting{{{signals.get(), POLLIN, 0}, {done, POLLIN, 0}}};
  while (waiting[1].revents == 0) {
    if (::poll(waiting.data(), waiting.size(), -1) < 0 || waiting[0].revents == 0) continue;
    const int signal = next_signal(signals);
    if (signal != SIGTERM && signal != SIGINT) continue;
    terminal.complain("stopped at once; requests that were running are cut");
    fleet.stop_at_once();
    std::_Exit(exit_interrupted);
  }
  worker.join();
  ::close(done);
  if (!in_time) {
    terminal.complain("some replicas did not end in time; `ps` shows them, their environment holds TIDEGATE_REPLICA");
    return exit_failure;
  }
  terminal.say("stopped");
  return exit_ok;
}

std::string service_line(const ServiceSpec& service, std::size_t width) {
  std::string promises;
  for (const auto& objective : service.slo.objectives)
    promises += fmt::format("{}{} {}", promises.empty() ? "" : ", ", objective.name(), to_text(objective.bound));
  return fmt::format("  {:<{}}  {} to {} replicas, {}{}", service.name, width, service.guardrails.replicas_min.value(),
                     service.guardrails.replicas_max.value(), promises,
                     service.mode == Mode::shadow ? " (shadow: decides, touches nothing)" : "");
}

void greet(RunningFleet& fleet, const std::string& source, Terminal& terminal) {
  const auto spec = fleet.panel().spec();
  std::size_t width = 0;
  for (const auto& service : spec->services) width = std::max(width, service.name.size());
  terminal.say(terminal.paint_talk(
      Tone::strong, fmt::format("tidegate {}: {} service{} from {}", TIDEGATE_VERSION, spec->services.size(),
                                spec->services.size() == 1 ? "" : "s", source)));
  for (const auto& service : spec->services) terminal.say(service_line(service, width));
  terminal.say(fmt::format("  gateway  {}", fleet.gateway_text()));
  terminal.say(fmt::format("  api      http://{}", spec->api.listen));
  for (const auto& line : fleet.door_lines()) terminal.say("  " + line);
  terminal.say(fmt::format("  state    {}", fleet.state_path()));
  if (fleet.adopted() > 0) terminal.say(fmt::format("  adopted  {} running replicas", fleet.adopted()));
}

int run(const Arguments& given, Terminal& terminal) {
  const auto signals = open_signals({SIGTERM, SIGINT, SIGHUP});
  auto wanted = run_choice_of(given, terminal);
  if (!wanted) return report(terminal, wanted.error());
  auto fleet = RunningFleet::open(std::move(wanted->fleet), wanted->options);
  if (!fleet) return report(terminal, fleet.error());
  // The API listens here: a port in use must stop us before a replica is started.
  if (auto started = (*fleet)->start(); !started) return report(terminal, started.error());
  greet(**fleet, wanted->path.value_or(given.rest().empty() ? "stdin" : "the command line"), terminal);
  wait_for_end(signals, wanted->path, **fleet, terminal);
  return stop(signals, **fleet, wanted->options, terminal);
}

}  // namespace

extern const Command run_command;
const Command run_command{
    .name = "run",
    .group = CommandGroup::run,
    .summary = "run the controller and its gateway; Ctrl-C drains and stops the replicas",
    .examples = {"tidegate run tidegate.yaml", "tidegate run -- vllm serve M --port {port}",
                 "tidegate run --leave-replicas tidegate.yaml   # replicas outlive a stop and are adopted by the next"},
    .options = {{.name = "--config", .value = "FILE", .help = "the configuration, when FILE is not given"},
                {.name = "--listen", .value = "ADDRESS", .help = "where clients connect, instead of gateway.listen"},
                {.name = "--api", .value = "ADDRESS", .help = "where the API listens, instead of api.listen"},
                {.name = "--state-directory",
                 .value = "FOLDER",
                 .help = "journal, records and logs, instead of machine.state_directory"},
                {.name = "--drain",
                 .value = "SECONDS",
                 .help = "how long running requests may take to end when stopped",
                 .fallback = "30"},
                {.name = "--leave-replicas",
                 .help =
                     "a stop leaves the replicas running for the next controller to adopt; without it a clean stop "
                     "(Ctrl-C, SIGTERM) ends them, and only a crash leaves them; pods of a cluster are always left"},
                {.name = "--takeover",
                 .help = "scale workloads of a cluster that another autoscaler scales too; without it they are left "
                         "alone and a conflict is reported"}},
    .positionals = {{.name = "FILE",
                     .help = "the configuration; - reads stdin (default tidegate.yaml); read again when "
                             "it changes and on SIGHUP"}},
    .takes_rest = true,
    .run = run};

}  // namespace tidegate
