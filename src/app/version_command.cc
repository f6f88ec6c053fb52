#include <fmt/format.h>

#include "app/command.h"
#include "app/exit_status.h"

namespace tidegate {

extern const Command version_command;
const Command version_command{
    .name = "version",
    .group = CommandGroup::fit_in,
    .summary = "print the version of this build",
    .run = [](const Arguments&, Terminal& terminal) -> int {
      if (terminal.wants_json())
        terminal.data(fmt::format(R"({{"version": "{}", "compiler": "{}"}})", TIDEGATE_VERSION, __VERSION__));
      else
        terminal.data(fmt::format("tidegate {}", TIDEGATE_VERSION));
      return exit_ok;
    }};

}  // namespace tidegate
