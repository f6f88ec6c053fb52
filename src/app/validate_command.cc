// `tidegate validate`: everything that is wrong with a configuration at once, and what was understood of it.
#include <fmt/format.h>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/resolvers.h"
#include "serve/config/configuration.h"

namespace tidegate {
namespace {

int validate(const Arguments& given, Terminal& terminal) {
  const auto path = given.value("FILE").value_or(given.value("--config").value_or("tidegate.yaml"));
  const auto loaded = load_configuration_file(path, app_resolvers());
  if (!loaded) return report(terminal, loaded.error());
  const auto& problems = loaded->problems;
  const bool denied = given.flag("--deny-warnings") && problems.warnings() > 0;
  const int status = problems.has_errors() || denied ? exit_invalid_configuration : exit_ok;
  if (terminal.wants_json()) {
    terminal.data(to_json(problems, loaded->filename));
    return status;
  }
  for (const auto& problem : problems.sorted()) {
    const auto tone = problem.severity == Severity::error ? Tone::bad : Tone::warning;
    terminal.complain(terminal.paint_talk(tone, headline(problem, loaded->filename)));
    const auto shown = excerpt(problem, loaded->text);
    if (!shown.empty()) terminal.complain(shown.substr(0, shown.size() - 1));
  }
  if (loaded->fleet) terminal.data_raw(summary(*loaded->fleet));
  if (status != exit_ok || problems.warnings() > 0)
    terminal.complain(fmt::format("{}: {}", path, counts(problems)));
  else
    terminal.say(fmt::format("{}: valid", path));
  return status;
}

}  // namespace

extern const Command validate_command;
const Command validate_command{
    .name = "validate",
    .group = CommandGroup::run,
    .summary = "check a configuration and show what was understood",
    .examples = {"tidegate validate tidegate.yaml", "tidegate validate --deny-warnings -o json tidegate.yaml"},
    .options = {{.name = "--config", .value = "FILE", .help = "the configuration, when FILE is not given"},
                {.name = "--deny-warnings", .help = "let a warning fail as an error does"}},
    .positionals = {{.name = "FILE", .help = "the configuration; - reads stdin (default tidegate.yaml)"}},
    .run = validate};

}  // namespace tidegate
