// Writes the answers of `tidegate decide`: a decision, or what was wrong with a line, as one line of JSON without its
// end (docs/formats/lines.md). Numbers are as short as they can be read back exactly; one that is not finite is null.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/error.h"
#include "core/model/decision.h"

namespace tidegate {

[[nodiscard]] std::string decision_line(const Decision& decision);

// {"error":"unknown service ...","line":7}
[[nodiscard]] std::string error_line(const Error& error, std::int64_t number);

}  // namespace tidegate
