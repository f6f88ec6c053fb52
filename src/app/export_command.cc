// `tidegate export`: what other programs want of tidegate, printed on stdout.
#include <fmt/format.h>

#include <algorithm>

#include "app/command.h"
#include "app/command_reference.h"
#include "app/exit_status.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

constexpr std::string_view later[] = {"grafana", "alerts", "runbooks", "crds", "helm", "openapi", "rbac"};

int export_what(const Arguments& given, Terminal& terminal) {
  const auto what = *given.value("WHAT");
  if (what == "schema") {
    terminal.data_raw(json_schema());
    return exit_ok;
  }
  if (what == "reference") {
    terminal.data_raw(configuration_reference());
    return exit_ok;
  }
  if (what == "commands") {
    terminal.data_raw(command_reference());
    return exit_ok;
  }
  const bool known = std::find(std::begin(later), std::end(later), what) != std::end(later);
  terminal.complain(
      known ? fmt::format("tidegate: the export `{}` is not in this build; what is: schema, reference, commands", what)
            : fmt::format("tidegate: there is no export `{}`: schema, reference or commands", what));
  return exit_usage;
}

}  // namespace

extern const Command export_command;
const Command export_command{
    .name = "export",
    .group = CommandGroup::fit_in,
    .summary = "print the configuration's schema, or a reference page",
    .examples = {"tidegate export schema > tidegate.schema.json", "tidegate export reference"},
    .positionals = {{.name = "WHAT",
                     .help =
                         "schema: JSON Schema of the configuration; reference: its settings, commands: these pages, as "
                         "Markdown",
                     .required = true}},
    .run = export_what};

}  // namespace tidegate
