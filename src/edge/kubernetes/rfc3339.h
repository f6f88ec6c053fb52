// Times as the Kubernetes API writes them: RFC 3339 in UTC, to the second (Time) or to the microsecond (MicroTime).
// Other offsets and up to nine digits of a second are read too. What is no time of the years 1970 to 2261 is nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/time.h"

namespace tidegate {

[[nodiscard]] std::optional<Instant> parse_rfc3339(std::string_view text);

[[nodiscard]] std::string rfc3339(Instant at);        // "2026-03-01T07:05:09Z", rounded down
[[nodiscard]] std::string rfc3339_micro(Instant at);  // "2026-03-01T07:05:09.000250Z", rounded down

}  // namespace tidegate
