// "ttft_p99=2s" on a command line.
#pragma once

#include <string>

#include "core/base/error.h"
#include "core/model/slo.h"

namespace tidegate {

[[nodiscard]] Result<Objective> read_objective(const std::string& text);

}  // namespace tidegate
