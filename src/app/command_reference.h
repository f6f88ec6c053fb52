// docs/reference/commands.md: every command of the table, as a page to read.
#pragma once

#include <string>

namespace tidegate {

[[nodiscard]] std::string command_reference();

}  // namespace tidegate
