// `tidegate operator`: the controller of a cluster's ScaledModels.
#include <fmt/format.h>
#include <poll.h>

#include <csignal>
#include <cstdlib>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/resolvers.h"
#include "app/running_operator.h"
#include "app/signal_descriptor.h"
#include "edge/machine/file_descriptor.h"
#include "serve/config/configuration.h"

namespace tidegate {
namespace {

constexpr std::size_t namespace_bytes_max = 1024;

// Of the pod we run in; elsewhere nothing.
std::string own_namespace() {
  if (const char* given = std::getenv("POD_NAMESPACE"); given != nullptr) return given;
  auto text = read_file("/var/run/secrets/kubernetes.io/serviceaccount/namespace", namespace_bytes_max);
  return text ? *text : "";
}

Result<FleetSpec> surroundings_of(const Arguments& given, Terminal& terminal) {
  FleetSpec spec;
  if (const auto path = given.value("--config")) {
    auto loaded = load_configuration_file(*path, app_resolvers(), ConfigurationUse::operator_);
    if (!loaded) return std::unexpected(loaded.error());
    if (!loaded->fleet) return fleet_of(*loaded);
    for (const auto& problem : loaded->problems.sorted())
      terminal.say(terminal.paint_talk(Tone::warning, headline(problem, loaded->filename)));
    spec = std::move(*loaded->fleet);
  }
  if (const auto listen = given.value("--api")) spec.api.listen = *listen;
  if (const auto folder = given.value("--state-directory")) spec.machine.state_directory = *folder;
  return spec;
}

Result<LeaseTimes> lease_times_of(const Arguments& given) {
  const auto length = given.number("--lease-seconds");
  if (!length) return std::unexpected(length.error());
  if (**length < 3 || **length > 600) return fail(ErrorKind::invalid, "--lease-seconds wants 3 to 600 seconds");
  const Duration whole = std::chrono::seconds{static_cast<std::int64_t>(**length)};
  return LeaseTimes{.duration = whole, .renew_deadline = whole * 2 / 3, .retry_period = whole / 7};
}

Result<OperatorOptions> operator_options_of(const Arguments& given, const KubernetesSpec& cluster,
                                            const Terminal& terminal) {
  auto times = lease_times_of(given);
  if (!times) return std::unexpected(times.error());
  const auto file = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
  OperatorOptions options{.kubeconfig = given.value("--kubeconfig").or_else([&] { return file(cluster.kubeconfig); }),
                          .context = given.value("--context").or_else([&] { return file(cluster.context); }),
                          .name_space = given.value("--namespace").value_or(""),
                          .lease_times = *times,
                          .takes_over = given.flag("--takeover")};
  options.log_level = terminal.is_verbose() ? LogLevel::debug
                      : terminal.is_quiet() ? LogLevel::warning
                                            : LogLevel::info;
  const auto space = given.value("--lease-namespace").value_or(own_namespace());
  if (!space.empty()) options.lease.space = space;
  return options;
}

void greet(const RunningOperator& running, const FleetSpec& spec, const OperatorOptions& options, Terminal& terminal) {
  terminal.say(terminal.paint_talk(
      Tone::strong, fmt::format("tidegate {}: operator of {}", TIDEGATE_VERSION, running.cluster_text())));
  terminal.say(fmt::format("  ScaledModels  {} that can be carried out, in {}", running.services(),
                           options.name_space.empty() ? "every namespace" : options.name_space));
  terminal.say(
      fmt::format("  lease         {}/{}, as {}", options.lease.space, options.lease.name, running.identity()));
  terminal.say(fmt::format("  api           http://{}", spec.api.listen));
  for (const auto& line : running.door_lines()) terminal.say("  " + line);
  terminal.say(fmt::format("  state         {}", running.state_path()));
}

void wait_for_signal(const FileDescriptor& signals) {
  pollfd waiting{signals.get(), POLLIN, 0};
  while (::poll(&waiting, 1, -1) < 0) {
  }
}

int run_operator(const Arguments& given, Terminal& terminal) {
  const auto signals = open_signals({SIGTERM, SIGINT});
  auto spec = surroundings_of(given, terminal);
  if (!spec) return report(terminal, spec.error());
  auto options = operator_options_of(given, spec->kubernetes, terminal);
  if (!options) return report(terminal, options.error());
  auto running = RunningOperator::open(*spec, *options);
  if (!running) return report(terminal, running.error());
  for (const auto& warning : (*running)->warnings()) terminal.say(terminal.paint_talk(Tone::warning, warning));
  if (auto started = (*running)->start(); !started) return report(terminal, started.error());
  greet(**running, *spec, *options, terminal);
  wait_for_signal(signals);
  terminal.say("stopping; workloads stay as they are");
  (*running)->stop();
  return exit_ok;
}

}  // namespace

extern const Command operator_command;
const Command operator_command{
    .name = "operator",
    .group = CommandGroup::run,
    .summary = "run the controller of a cluster's ScaledModels; one of several leads",
    .examples = {"tidegate operator", "tidegate operator --config operator.yaml --namespace prod",
                 "tidegate export kustomize   # what runs it in a cluster"},
    .options =
        {{.name = "--config", .value = "FILE", .help = "api, control, budget, kubernetes and machine; no services"},
         {.name = "--kubeconfig",
          .value = "FILE",
          .help = "how the cluster is reached; default: as kubectl, else the pod's own account"},
         {.name = "--context", .value = "NAME", .help = "of the kubeconfig, instead of its current one"},
         {.name = "--namespace", .value = "NAME", .help = "only ScaledModels of this namespace"},
         {.name = "--lease-namespace",
          .value = "NAME",
          .help = "where the lease `tidegate` lies; default: the pod's own, else tidegate"},
         {.name = "--lease-seconds",
          .value = "SECONDS",
          .help = "how long others wait for a leader that is silent",
          .fallback = "15"},
         {.name = "--takeover",
          .help = "scale workloads that have a HorizontalPodAutoscaler or ScaledObject too, instead of refusing"},
         {.name = "--api", .value = "ADDRESS", .help = "where the API listens, instead of api.listen"},
         {.name = "--state-directory", .value = "FOLDER", .help = "the journal, instead of machine.state_directory"}},
    .run = run_operator};

}  // namespace tidegate
