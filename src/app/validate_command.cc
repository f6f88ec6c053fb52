// `tidegate validate`: everything that is wrong with a configuration, or with ScaledModels, at once, and what was
// understood of it.
#include <fmt/format.h>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/resolvers.h"
#include "serve/config/configuration.h"
#include "serve/import/manifests.h"
#include "serve/resource/scaled_model.h"

namespace tidegate {
namespace {

// A text of Kubernetes manifests is read again as ScaledModels, which all of them have to be.
bool read_scaled_models(LoadedConfiguration& loaded) {
  Diagnostics problems;
  const auto manifests = read_manifests(loaded.text, problems);
  if (manifests.empty() || manifests.front().api_version.empty()) return false;
  FleetSpec fleet;
  for (const auto& manifest : manifests) {
    auto model = load_scaled_model(manifest.node, app_resolvers());
    for (auto& problem : model.diagnostics.sorted()) problems.add(std::move(problem));
    if (model.service) fleet.services.push_back(std::move(*model.service));
  }
  loaded.problems = std::move(problems);
  if (!loaded.problems.has_errors()) loaded.fleet = std::move(fleet);
  return true;
}

int validate(const Arguments& given, Terminal& terminal) {
  const auto path = given.value("FILE").value_or(given.value("--config").value_or("tidegate.yaml"));
  auto loaded = load_configuration_file(path, app_resolvers());
  if (!loaded) return report(terminal, loaded.error());
  const bool are_models = read_scaled_models(*loaded);
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
  if (loaded->fleet && !are_models) terminal.data_raw(summary(*loaded->fleet));
  if (loaded->fleet && are_models)
    for (const auto& service : loaded->fleet->services) terminal.data_raw(summary(service));
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
    .summary = "check a configuration or ScaledModels and show what was understood",
    .examples = {"tidegate validate tidegate.yaml", "tidegate validate --deny-warnings -o json tidegate.yaml",
                 "tidegate import hpa.yaml | tidegate validate -"},
    .options = {{.name = "--config", .value = "FILE", .help = "the configuration, when FILE is not given"},
                {.name = "--deny-warnings", .help = "let a warning fail as an error does"}},
    .positionals = {{.name = "FILE", .help = "the configuration; - reads stdin (default tidegate.yaml)"}},
    .run = validate};

}  // namespace tidegate
