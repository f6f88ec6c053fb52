// `tidegate load`: a traffic file as live requests, and what became of them.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/objective_text.h"
#include "app/signal_descriptor.h"
#include "edge/files/byte_file.h"
#include "edge/load/load_runner.h"
#include "edge/machine/file_descriptor.h"
#include "edge/machine/system_clock.h"
#include "edge/net/http_client.h"
#include "lab/sim/traffic.h"
#include "serve/config/quantities.h"

namespace tidegate {
namespace {

struct LoadChoice {
  std::string trace;
  TrafficOptions traffic;
  RequestStyle style;
  LoadOptions load;
  bool plain = false;
  bool require = false;
  bool names_model = false;
};

Result<double> number_in(const Arguments& given, std::string_view name, double least, double most) {
  const auto number = given.number(name);
  if (!number) return std::unexpected(number.error());
  if (!(**number >= least && **number <= most))
    return fail(ErrorKind::invalid, fmt::format("{} wants a number from {:g} to {:g}", name, least, most));
  return **number;
}

Result<Duration> duration_in(const Arguments& given, std::string_view name) {
  const auto text = *given.value(name);
  const auto read = read_duration(text);
  if (!read) return fail(ErrorKind::invalid, fmt::format("{}: {}; {}", name, read.error().message, read.error().help));
  if (*read <= Duration::zero()) return fail(ErrorKind::invalid, fmt::format("{} wants more than nothing", name));
  return *read;
}

Result<void> read_objectives(const Arguments& given, LoadOptions& load) {
  const auto texts = given.values("--slo");
  if (texts.empty()) return {};
  load.slo.objectives.clear();
  for (const auto& text : texts) {
    const auto objective = read_objective(text);
    if (!objective) return std::unexpected(objective.error());
    load.slo.objectives.push_back(*objective);
  }
  return {};
}

Result<void> read_style(const Arguments& given, LoadChoice& wanted) {
  auto url = parse_load_url(*given.value("--url"));
  if (!url) return std::unexpected(url.error());
  wanted.plain = given.flag("--plain");
  wanted.style.shape = wanted.plain ? RequestShape::plain : shape_of(*url);
  wanted.style.url = std::move(*url);
  wanted.style.stream = !given.flag("--no-stream");
  wanted.style.ignore_eos = given.flag("--ignore-eos");
  if (const auto model = given.value("--model")) {
    const auto is_odd = [](char c) { return c < 0x20 || c > 0x7e || c == '"' || c == '\\'; };
    if (model->empty() || std::ranges::any_of(*model, is_odd))
      return fail(ErrorKind::invalid, "--model wants a name of printable characters without quotes");
    wanted.style.model = *model;
    wanted.names_model = true;
  }
  if (const auto variable = given.value("--api-key-env")) {
    const char* key = std::getenv(variable->c_str());
    if (!key) return fail(ErrorKind::invalid, fmt::format("--api-key-env: the variable {} is not set", *variable));
    wanted.style.bearer = key;
    if (std::ranges::any_of(*wanted.style.bearer, [](char c) { return c <= 0x20 || c > 0x7e; }))
      return fail(ErrorKind::invalid, fmt::format("--api-key-env: {} holds a blank or a control character", *variable));
  }
  return {};
}

Result<void> read_rates(const Arguments& given, LoadChoice& wanted) {
  const auto scale = number_in(given, "--scale", 1e-6, 1e6);
  if (!scale) return std::unexpected(scale.error());
  const auto speed = number_in(given, "--speed", 1e-3, 1e6);
  if (!speed) return std::unexpected(speed.error());
  const auto burstiness = number_in(given, "--burstiness", 0, 100);
  if (!burstiness) return std::unexpected(burstiness.error());
  const auto seed = number_in(given, "--seed", 0, 1e15);
  if (!seed) return std::unexpected(seed.error());
  const auto connections = number_in(given, "--connections-max", 1, 1e6);
  if (!connections) return std::unexpected(connections.error());
  wanted.traffic.scale = *scale;
  wanted.traffic.burstiness = *burstiness;
  wanted.traffic.seed = static_cast<std::uint64_t>(*seed);
  wanted.traffic.function = given.value("--function").value_or("");
  wanted.load.speed = *speed;
  wanted.load.connections_max = static_cast<std::size_t>(*connections);
  if (const auto text = given.value("--tokens")) {
    const auto sizes = read_token_sizes(*text);
    if (!sizes) return fail(ErrorKind::invalid, "--tokens: " + sizes.error().message);
    wanted.traffic.sizes = *sizes;
  }
  return {};
}

Result<LoadChoice> load_choice_of(const Arguments& given) {
  LoadChoice wanted;
  wanted.trace = *given.value("--trace");
  wanted.require = given.flag("--require");
  if (auto read = read_style(given, wanted); !read) return std::unexpected(read.error());
  if (auto read = read_rates(given, wanted); !read) return std::unexpected(read.error());
  if (auto read = read_objectives(given, wanted.load); !read) return std::unexpected(read.error());
  const auto timeout = duration_in(given, "--timeout");
  if (!timeout) return std::unexpected(timeout.error());
  wanted.load.timeout = *timeout;
  if (given.value("--duration")) {
    const auto length = duration_in(given, "--duration");
    if (!length) return std::unexpected(length.error());
    wanted.load.length = *length;
  }
  return wanted;
}

// As many descriptors as the system allows; fewer connections where that is not enough.
void make_room(LoadOptions& load, Terminal& terminal) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  constexpr std::size_t others = 64;
  const std::size_t most = limit.rlim_cur > others * 2 ? limit.rlim_cur - others : others;
  if (load.connections_max <= most) return;
  load.connections_max = most;
  terminal.say(fmt::format("load: at most {} connections, the limit of open files (ulimit -n)", most));
}

// The first model the server lists, when none is named.
Result<std::string> first_model(const RequestStyle& style) {
  HttpRequest request{.url = fmt::format("http://{}/v1/models", style.url.host_field), .bearer = style.bearer};
  HttpClient client;
  const auto answer = require_ok(client.fetch(request), request.url);
  const auto not_told = [&](std::string_view why) {
    return fail(answer ? ErrorKind::failed : answer.error().kind,
                fmt::format("no --model given, and {} does not tell one: {}", request.url, why));
  };
  if (!answer) return not_told(answer.error().message);
  const std::size_t key = answer->body.find("\"id\"");
  const std::size_t begin = key == std::string::npos ? key : answer->body.find('"', key + 4);
  const std::size_t end = begin == std::string::npos ? begin : answer->body.find('"', begin + 1);
  if (end == std::string::npos) return not_told("it lists none");
  const auto name = answer->body.substr(begin + 1, end - begin - 1);
  if (name.find('\\') != std::string::npos) return not_told("its name has an escape; give it with --model");
  return name;
}

// When the trace ends, in its own time from its first row; it is read through once for that. Zero: not known.
Result<Duration> length_of(const LoadChoice& wanted) {
  if (wanted.load.length) return *wanted.load.length;
  if (wanted.trace == "-") return Duration::zero();  // can be read only once
  auto bytes = open_bytes(wanted.trace);
  if (!bytes) return std::unexpected(bytes.error());
  const auto summary = summarize_traffic(*bytes, wanted.trace, wanted.traffic);
  if (!summary) return std::unexpected(summary.error());
  return summary->span();
}

std::string progress_line(const LoadProgress& now, Duration length) {
  std::string line;
  if (length > Duration::zero()) {
    const double done = now.is_stopping ? 1 : seconds(now.played) / seconds(length);
    line = progress_bar(done, 20) + "  ";
  }
  line += fmt::format("{} done, {} in flight, {} errors", now.requests, now.in_flight, now.errors);
  if (now.ttft_p99) line += fmt::format(", ttft p99 {}", to_text(*now.ttft_p99));
  if (now.attainment) line += fmt::format(", within SLO {:.2f} %", *now.attainment * 100);
  if (now.is_stopping) line += ", waiting for the last";
  return line;
}

int status_of(const LoadReport& report, bool require) {
  if (report.interrupted) return exit_interrupted;
  if (require && !report.is_met()) return exit_objective_missed;
  // Nobody was there: no answer at all, whatever its status.
  if (report.requests > 0 && report.statuses.empty()) return exit_unreachable;
  return exit_ok;
}

int play(LoadChoice& wanted, Terminal& terminal) {
  auto bytes = open_bytes(wanted.trace);
  if (!bytes) return report(terminal, bytes.error());
  auto reader = TrafficReader::open(*bytes, wanted.trace, wanted.traffic);
  if (!reader) return report(terminal, Error{ErrorKind::failed, reader.error().message});
  wanted.load.origin = reader->origin();
  const auto length = terminal.shows_progress() ? length_of(wanted) : Result<Duration>{Duration::zero()};
  if (!length) return report(terminal, Error{ErrorKind::failed, length.error().message});
  const auto addresses = resolve(wanted.style.url);
  if (!addresses) return report(terminal, addresses.error());
  if (!wanted.plain && !wanted.names_model) {
    auto model = first_model(wanted.style);
    if (!model) return report(terminal, model.error());
    wanted.style.model = std::move(*model);
    terminal.say(fmt::format("load: no --model given, asking for '{}', the first of /v1/models", wanted.style.model));
  }
  make_room(wanted.load, terminal);

  const auto interrupts = open_signals({SIGINT, SIGTERM});
  const SystemClock clock;
  LoadRunner runner(wanted.style, *addresses, wanted.load, [&] { return reader->next(); }, clock);
  runner.interrupt_on(interrupts.get());
  if (terminal.shows_progress())
    runner.watch_progress([&](const LoadProgress& now) { terminal.progress(progress_line(now, *length)); });
  const auto found = runner.run();
  terminal.clear_progress();
  if (!found) return report(terminal, found.error());
  if (terminal.wants_json())
    terminal.data(to_json(*found));
  else
    terminal.data_raw(to_text(*found));
  if (runner.trace_error()) return report(terminal, Error{ErrorKind::failed, runner.trace_error()->message});
  return status_of(*found, wanted.require);
}

int load(const Arguments& given, Terminal& terminal) {
  auto wanted = load_choice_of(given);
  if (!wanted) {
    (void)report(terminal, wanted.error());
    return exit_usage;
  }
  return play(*wanted, terminal);
}

}  // namespace

extern const Command load_command;
const Command load_command{
    .name = "load",
    .group = CommandGroup::try_out,
    .summary = "send a traffic file as live requests and report latencies and attainment",
    .examples = {"tidegate load --trace chat.csv.gz --url http://127.0.0.1:8080 --scale 4 --duration 10m",
                 "tidegate load --trace rate.csv --url http://127.0.0.1:8080/health --plain --slo latency_p99=50ms",
                 "tidegate load --trace chat.csv --url http://127.0.0.1:8080 --slo ttft_p99=2s --require -o json"},
    .options =
        {{.name = "--trace",
          .value = "FILE",
          .help = "traffic: request, rate or per-function CSV, Mooncake, Azure LLM, BurstGPT; .gz, .zst; - is stdin",
          .required = true},
         {.name = "--url",
          .value = "URL",
          .help = "where to: http://HOST:PORT, with the path of chat completions unless it has one",
          .required = true},
         {.name = "--scale", .value = "X", .help = "multiply the rate", .fallback = "1"},
         {.name = "--speed", .value = "X", .help = "compress time", .fallback = "1"},
         {.name = "--duration", .value = "D", .help = "how much of the trace, in its own time (default: all)"},
         {.name = "--slo",
          .value = "OBJECTIVE",
          .help = "what requests should meet, as ttft_p99=2s; may be repeated (default ttft_p99=2s)",
          .repeats = true},
         {.name = "--require", .help = "exit 99 when an objective is missed"},
         {.name = "--model", .value = "NAME", .help = "the model to ask for (default: the first the server lists)"},
         {.name = "--plain", .help = "GET the URL instead of asking a model"},
         {.name = "--no-stream", .help = "ask for whole answers instead of event streams"},
         {.name = "--ignore-eos", .help = "ask a vLLM server for exactly the output tokens of the trace"},
         {.name = "--api-key-env", .value = "VARIABLE", .help = "environment variable with the API key"},
         {.name = "--tokens",
          .value = "IN,OUT",
          .help = "sizes for traces without: fixed, or IN,OUT,SPREAD (default: like recorded conversations)"},
         {.name = "--burstiness",
          .value = "B",
          .help = "how bursty requests come within the bins of a rate; 0 even, 1 Poisson",
          .fallback = "1"},
         {.name = "--function", .value = "NAME", .help = "the one to play of a per-function trace (default: all)"},
         {.name = "--seed", .value = "N", .help = "of everything drawn by lot", .fallback = "1"},
         {.name = "--timeout", .value = "D", .help = "for one request, from when it was due", .fallback = "5m"},
         {.name = "--connections-max", .value = "N", .help = "requests at once", .fallback = "10000"}},
    .run = load};

}  // namespace tidegate
