// `tidegate override`, `pause`, `resume` and `restart`: an operator's hand on the wheel.
#include <fmt/format.h>

#include <charconv>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/steering.h"
#include "core/base/time.h"

namespace tidegate {
namespace {

int misused(Terminal& terminal, std::string_view what) {
  terminal.complain(fmt::format("tidegate: {}", what));
  return exit_usage;
}

std::optional<std::int64_t> count_of(const std::string& text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 0) return std::nullopt;
  return count;
}

int override_size(const Arguments& given, Terminal& terminal) {
  const auto service = *given.value("SERVICE");
  const auto kind = given.value("KIND"), size = given.value("N");
  if (given.flag("--clear")) {
    if (kind) return misused(terminal, "--clear takes the override back: leave KIND and N out");
    return steer(given, terminal, "override", {}, fmt::format("{}: no override from the next tick on", service));
  }
  if (!kind || !size) return misused(terminal, "say what: override SERVICE pin|floor|ceiling N --for D --comment C");
  if (*kind != "pin" && *kind != "floor" && *kind != "ceiling")
    return misused(terminal, fmt::format("KIND is pin, floor or ceiling, not '{}'", *kind));
  auto words = words_of(given);
  words.kind = *kind;
  words.replicas = count_of(*size);
  if (!words.replicas) return misused(terminal, fmt::format("N is a whole number of replicas, not '{}'", *size));
  const auto length = length_of(given, "--for");
  if (!length) return misused(terminal, length.error().message);
  if (!*length) return misused(terminal, "--for is missing: an override has to end by itself, e.g. --for 2h");
  if (words.comment.empty()) return misused(terminal, "--comment is missing: say why, for whoever sees it later");
  words.for_seconds = *length;
  return steer(given, terminal, "override", words,
               fmt::format("{}: {} {} for {} from the next tick on", service, *kind, *words.replicas,
                           to_text(from_seconds(**length))));
}

int pause(const Arguments& given, Terminal& terminal) {
  auto words = words_of(given);
  const auto length = length_of(given, "--for");
  if (!length) return misused(terminal, length.error().message);
  words.for_seconds = *length;
  const auto service = *given.value("SERVICE");
  return steer(given, terminal, "pause", words,
               fmt::format("{}: paused {}", service,
                           *length ? fmt::format("for {}", to_text(from_seconds(**length)))
                                   : fmt::format("until `tidegate resume {}`", service)));
}

int resume(const Arguments& given, Terminal& terminal) {
  return steer(given, terminal, "resume", words_of(given, "resumed"),
               fmt::format("{}: decisions are carried out again", *given.value("SERVICE")));
}

int restart(const Arguments& given, Terminal& terminal) {
  const auto service = *given.value("SERVICE");
  return steer(given, terminal, "restart", words_of(given, "restarted"),
               fmt::format("{}: its replicas are replaced one after another; `tidegate status {}` shows how far it is",
                           service, service));
}

const Positional service_positional{.name = "SERVICE", .help = "the service", .required = true};

}  // namespace

extern const Command override_command;
const Command override_command{
    .name = "override",
    .group = CommandGroup::steer,
    .summary = "pin or bound the size of a service for a while",
    .examples = {"tidegate override chat floor 4 --for 2h --comment 'launch day'", "tidegate override chat --clear"},
    .options = {{.name = "--for", .value = "DURATION", .help = "until it ends by itself, at most 30d"},
                comment_option(false),
                author_option(),
                {.name = "--clear", .help = "take the override back"},
                config_option()},
    .positionals = {service_positional,
                    {.name = "KIND", .help = "pin, floor or ceiling"},
                    {.name = "N", .help = "replicas"}},
    .run = override_size};

extern const Command pause_command;
const Command pause_command{
    .name = "pause",
    .group = CommandGroup::steer,
    .summary = "go on deciding for a service, but carry nothing out",
    .examples = {"tidegate pause chat --for 30m --comment 'checking new weights'"},
    .options = {{.name = "--for", .value = "DURATION", .help = "until it resumes by itself (default: until resumed)"},
                comment_option(true),
                author_option(),
                config_option()},
    .positionals = {service_positional},
    .run = pause};

extern const Command resume_command;
const Command resume_command{.name = "resume",
                             .group = CommandGroup::steer,
                             .summary = "end a pause",
                             .examples = {"tidegate resume chat"},
                             .options = {comment_option(false), author_option(), config_option()},
                             .positionals = {service_positional},
                             .run = resume};

extern const Command restart_command;
const Command restart_command{.name = "restart",
                              .group = CommandGroup::run,
                              .summary = "replace the replicas of a service one after another, without losing requests",
                              .examples = {"tidegate restart chat --comment 'new driver'"},
                              .options = {comment_option(false), author_option(), config_option()},
                              .positionals = {service_positional},
                              .run = restart};

}  // namespace tidegate
