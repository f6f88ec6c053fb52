// What the running controller says to whoever watches it: structured lines, key=value, on stderr.
//
//   2026-03-01T12:00:00.123Z level=info event=decision service=chat verdict=raise replicas=3 message="..."
//
// Lines that repeat to the letter within a minute are held back and counted; the next one that passes says how many.
// Secrets never come here: callers pass names and numbers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/time.h"
#include "edge/ports/clock.h"

namespace tidegate {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
template <>
inline constexpr auto enum_texts<LogLevel> = std::to_array<EnumText<LogLevel>>(
    {{LogLevel::debug, "debug"}, {LogLevel::info, "info"}, {LogLevel::warning, "warning"}, {LogLevel::error, "error"}});

struct LogField {
  std::string_view name;
  std::string value;
};

struct LogLine {
  LogLevel level = LogLevel::info;
  std::string_view event;  // "decision", "reload_refused", ...: the closed part of the line
  std::string service = {};
  std::vector<LogField> fields = {};
  std::string message = {};
};

class Log {
 public:
  virtual ~Log() = default;
  // Thread-safe; never waits.
  virtual void write(const LogLine& line) = 0;
};

// On stderr, through spdlog. The clock outlives it.
[[nodiscard]] std::unique_ptr<Log> stderr_log(LogLevel least, const Clock& clock);

// "level=info event=decision service=chat ...": values with spaces, quotes or control characters are quoted.
[[nodiscard]] std::string text_of(const LogLine& line);

// Decides which of repeated lines pass. Decisions always do: each is news.
class RepeatFilter {
 public:
  static constexpr Duration window = 1min;
  static constexpr std::size_t keys_max = 1000;

  // None: hold it back. Otherwise how many like it were held back before.
  [[nodiscard]] std::optional<std::int64_t> admit(const LogLine& line, Instant now);

 private:
  struct Seen {
    Instant passed{};
    std::int64_t held_back = 0;
  };
  std::map<std::string, Seen> seen_;
};

}  // namespace tidegate
