#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/signal_descriptor.h"
#include "edge/emulator/model_server.h"
#include "edge/machine/system_clock.h"
#include "lab/sim/profiles.h"
#include "serve/config/quantities.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

struct EmulateChoice {
  ModelServerOptions server;
  Duration drain{};
};

Result<Duration> duration_of(const Arguments& given, std::string_view name) {
  const auto text = *given.value(name);
  const auto read = read_duration(text);
  if (!read) return fail(ErrorKind::invalid, fmt::format("{}: {}; {}", name, read.error().message, read.error().help));
  return *read;
}

Result<std::optional<std::int64_t>> count_of(const Arguments& given, std::string_view name, double least, double most) {
  const auto number = given.number(name);
  if (!number) return std::unexpected(number.error());
  if (!*number) return std::optional<std::int64_t>{};
  if (!(**number >= least && **number <= most) || **number != static_cast<double>(static_cast<std::int64_t>(**number)))
    return fail(ErrorKind::invalid, fmt::format("{} wants a whole number from {} to {}", name, least, most));
  return std::optional{static_cast<std::int64_t>(**number)};
}

Result<const Profile*> profile_of(const Arguments& given) {
  const auto name = *given.value("--profile");
  if (const Profile* found = find_profile(name)) return found;
  const auto names = profile_names();
  const std::vector<std::string_view> views(names.begin(), names.end());
  const auto nearest = nearest_word(name, views);
  return fail(ErrorKind::not_found,
              nearest.empty() ? fmt::format("there is no profile '{}'; known are {}", name, fmt::join(names, ", "))
                              : fmt::format("there is no profile '{}'; did you mean '{}'?", name, nearest));
}

Result<void> bound_engine(const Arguments& given, EngineProfile& engine) {
  const auto running = count_of(given, "--running-max", 1, 65536);
  if (!running) return std::unexpected(running.error());
  const auto kv = count_of(given, "--kv-tokens", 16, 1e9);
  if (!kv) return std::unexpected(kv.error());
  engine.running_max = static_cast<std::int32_t>(running->value_or(engine.running_max));
  engine.kv_tokens = kv->value_or(engine.kv_tokens);
  return {};
}

Result<EmulateChoice> emulate_choice_of(const Arguments& given) {
  EmulateChoice wanted;
  const auto profile = profile_of(given);
  if (!profile) return std::unexpected(profile.error());
  wanted.server.engine = engine_profile(**profile);
  if (auto bounded = bound_engine(given, wanted.server.engine); !bounded) return std::unexpected(bounded.error());
  wanted.server.models = given.values("--model");
  wanted.server.any_model = wanted.server.models.empty();
  if (wanted.server.any_model) wanted.server.models = {std::string{(*profile)->model}};
  const auto port = count_of(given, "--port", 0, 65535);
  if (!port) return std::unexpected(port.error());
  const std::string host = *given.value("--host");
  wanted.server.listen = fmt::format("{}:{}", host.contains(':') ? fmt::format("[{}]", host) : host, **port);
  const auto startup = duration_of(given, "--startup");
  if (!startup) return std::unexpected(startup.error());
  wanted.server.startup = *startup;
  const auto drain = duration_of(given, "--drain");
  if (!drain) return std::unexpected(drain.error());
  wanted.drain = *drain;
  wanted.server.prefix_cache = given.flag("--prefix-cache");
  wanted.server.weights = given.value("--weights").value_or("");
  for (const std::string& text : given.values("--fault")) {
    auto fault = parse_server_fault(text);
    if (!fault) return std::unexpected(fault.error());
    wanted.server.faults.push_back(*fault);
  }
  return wanted;
}

int list_profiles(Terminal& terminal) {
  for (const Profile& profile : profiles())
    terminal.data(fmt::format("{:32} {} on {}x {}, {}, {}", profile.name, profile.model, profile.gpus, profile.gpu,
                              profile.precision, profile.server));
  return exit_ok;
}

std::string phase_line(ServerPhase phase, std::string_view note, Duration since) {
  switch (phase) {
    case ServerPhase::starting:
      return "emulate: starting";
    case ServerPhase::loading:
      return note.empty() ? "emulate: loading the weights" : fmt::format("emulate: loading the weights: {}", note);
    case ServerPhase::warming_up:
      return "emulate: warming up";
    case ServerPhase::ready:
      return fmt::format("emulate: loaded after {}", to_text(since));
    case ServerPhase::draining:
      return fmt::format("emulate: draining, {}", note);
  }
  return "";
}

// Waits for signals and the server's end: the first signal drains, the second or the deadline ends it.
void watch(ModelServer& server, Terminal& terminal, const FileDescriptor& signals, int ended, Duration drain) {
  std::array<pollfd, 2> waiting{{{signals.get(), POLLIN, 0}, {ended, POLLIN, 0}}};
  bool draining = false;
  const auto drain_ms = static_cast<int>(std::min<std::int64_t>(drain / 1ms, 86'400'000));
  while (true) {
    const int count = ::poll(waiting.data(), waiting.size(), draining ? drain_ms : -1);
    if (count < 0) continue;
    if (waiting[1].revents) return;
    if (waiting[0].revents) (void)next_signal(signals);
    if (!draining) {
      draining = true;
      server.drain();
      continue;
    }
    terminal.say(count == 0 ? "emulate: the drain deadline has passed" : "emulate: stopping at once");
    return server.stop();
  }
}

int run_emulate(const Arguments& given, Terminal& terminal) {
  if (given.flag("--list-profiles")) return list_profiles(terminal);
  const auto wanted = emulate_choice_of(given);
  if (!wanted) {
    const int status = report(terminal, wanted.error());
    return wanted.error().kind == ErrorKind::invalid ? exit_usage : status;
  }
  const auto signals = open_signals({SIGTERM, SIGINT});
  const int ended = ::eventfd(0, EFD_CLOEXEC);
  const SystemClock clock;
  const Instant started = clock.now();
  const auto crash = [] { std::_Exit(128 + SIGSEGV); };
  const auto phase = [&](ServerPhase entered, std::string_view note) {
    const bool is_talk = entered == ServerPhase::ready || entered == ServerPhase::draining || terminal.is_verbose();
    if (is_talk) terminal.say(phase_line(entered, note, clock.now() - started));
  };
  const auto failed = [&](const Error& error) {
    (void)report(terminal, error);
    std::_Exit(exit_status(error.kind));
  };
  ModelServer server(wanted->server, clock, {.phase = phase, .crash = crash, .failed = failed});
  if (auto opened = server.start(); !opened) return report(terminal, opened.error());
  const char* gpus = std::getenv("CUDA_VISIBLE_DEVICES");
  terminal.say(fmt::format("emulate: {} as {} on port {}{}", wanted->server.engine.name,
                           fmt::join(wanted->server.models, ", "), server.port(),
                           gpus != nullptr ? fmt::format(", GPUs {}", gpus) : ""));
  if (terminal.wants_json()) terminal.data(fmt::format(R"({{"port":{}}})", server.port()));

  std::thread serving([&] {
    server.run();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(ended, &one, sizeof one);
  });
  watch(server, terminal, signals, ended, wanted->drain);
  serving.join();
  if (server.cut() == 0) return exit_ok;
  terminal.complain(fmt::format("emulate: {} requests were cut off", server.cut()));
  return exit_failure;
}

}  // namespace

extern const Command emulate_command;
const Command emulate_command{
    .name = "emulate",
    .group = CommandGroup::try_out,
    .summary = "run a model server that answers as fast as a real one would, without a GPU",
    .examples = {"tidegate emulate --profile llama-3.1-8b-h100 --startup 20s --port 8000",
                 "tidegate emulate --port 0 --fault slow=4,after=30s,for=1m --fault metrics=stale,after=1m",
                 "tidegate emulate --list-profiles"},
    .options =
        {{.name = "--profile", .value = "NAME", .help = "what is emulated", .fallback = "llama-3.1-8b-h100"},
         {.name = "--port",
          .value = "N",
          .help = "where it listens; 0: any free port, named on stderr",
          .fallback = "8000"},
         {.name = "--host", .value = "ADDRESS", .help = "where it listens", .fallback = "127.0.0.1"},
         {.name = "--model",
          .value = "NAME",
          .help = "name the model is served under; left out: the profile's, and any name is answered",
          .repeats = true},
         {.name = "--startup", .value = "DURATION", .help = "from the start to loaded", .fallback = "0s"},
         {.name = "--weights", .value = "PATH", .help = "a file that is read while loading"},
         {.name = "--running-max", .value = "N", .help = "requests batched at once, instead of the profile's"},
         {.name = "--kv-tokens", .value = "N", .help = "tokens the KV cache holds, instead of the profile's"},
         {.name = "--drain",
          .value = "DURATION",
          .help = "how long running requests may take to end",
          .fallback = "5m"},
         {.name = "--fault",
          .value = "KIND[,after=D][,for=D][,requests=N]",
          .help = "slow=FACTOR, hang, crash, errors=SHARE, lying_readiness, metrics=absent|nan|stale; from the start, "
                  "or after a time or a number of requests",
          .repeats = true},
         {.name = "--prefix-cache", .help = "prompts that begin like an earlier one are prefilled from there"},
         {.name = "--list-profiles", .help = "print the profiles there are"}},
    .run = run_emulate};

}  // namespace tidegate
