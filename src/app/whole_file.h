// A text file as a whole, bounded like a configuration; "-" is stdin.
#pragma once

#include <string>

#include "core/base/error.h"

namespace tidegate {

// Fails when it cannot be read, or is larger than 1 MiB.
[[nodiscard]] Result<std::string> whole_file(const std::string& path);

}  // namespace tidegate
