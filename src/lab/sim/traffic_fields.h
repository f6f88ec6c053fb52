// The fields of traffic files: numbers, times of day and lists of ids, and one flat JSON object a line. Strict: the
// whole field must be the value. Units in the names.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "lab/sim/traffic_rows.h"

namespace tidegate {

// Finite and not negative.
[[nodiscard]] std::optional<double> read_amount(std::string_view text);
// A whole number, also written "12.0"; not negative.
[[nodiscard]] std::optional<std::int64_t> read_tokens(std::string_view text);
// "2023-11-16 18:15:46.6805900", also with "T" and with "Z" or "+00:00" at the end: nanoseconds since 1970 UTC.
[[nodiscard]] std::optional<std::int64_t> read_utc_nanoseconds(std::string_view text);
// Ids with single blanks between them; false when one is none or there are too many.
[[nodiscard]] bool read_ids(std::string_view text, std::vector<std::uint64_t>& ids);

struct FieldError {
  std::size_t offset = 0;
  const char* message = "";
};
// One line of a Mooncake trace.
[[nodiscard]] std::expected<void, FieldError> read_mooncake(std::string_view line, TrafficRow& row);

}  // namespace tidegate
