// Whether a text is a cron expression of five fields: minute, hour, day of month, month, day of week. Each field is a
// list of `*`, N, N-M, with an optional `/STEP`; months and days of the week also by their three-letter English names.
// Only the form is judged here; when it fires is the schedule policy's business.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

// What is wrong with it, as a sentence without a full stop; nothing when it is fine.
[[nodiscard]] std::optional<std::string> cron_problem(std::string_view text);

}  // namespace tidegate
