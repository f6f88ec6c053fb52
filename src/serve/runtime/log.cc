// The one translation unit that knows spdlog.
#include "serve/runtime/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <mutex>

namespace tidegate {
namespace {

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  return false;
}

void append_value(std::string& out, std::string_view text) {
  if (!needs_quotes(text)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\', out += c;
    else if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  out += '"';
}

void append(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty()) out += ' ';
  out += name;
  out += '=';
  append_value(out, value);
}

class StderrLog final : public Log {
 public:
  StderrLog(LogLevel least, const Clock& clock)
      : least_(least), clock_(clock), logger_("tidegate", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_level(spdlog::level::trace);
    logger_.set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc));
    logger_.flush_on(spdlog::level::trace);
  }

  void write(const LogLine& line) override {
    if (line.level < least_) return;
    std::optional<std::int64_t> repeats;
    {
      const std::lock_guard lock(mutex_);
      repeats = filter_.admit(line, clock_.now());
    }
    if (!repeats) return;
    std::string text = text_of(line);
    if (*repeats > 0) append(text, "repeated", fmt::format("{}", *repeats));
    // Passed as an argument, so that braces in it mean nothing.
    logger_.log(spdlog::level::info, "{}", text);
  }

 private:
  const LogLevel least_;
  const Clock& clock_;
  std::mutex mutex_;
  RepeatFilter filter_;
  spdlog::logger logger_;
};

}  // namespace

std::string text_of(const LogLine& line) {
  std::string text;
  append(text, "level", to_text(line.level));
  append(text, "event", line.event);
  if (!line.service.empty()) append(text, "service", line.service);
  for (const auto& field : line.fields) append(text, field.name, field.value);
  if (!line.message.empty()) append(text, "message", line.message);
  return text;
}

std::optional<std::int64_t> RepeatFilter::admit(const LogLine& line, Instant now) {
  if (line.event == "decision") return 0;
  if (seen_.size() >= keys_max)
    std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.passed >= window; });
  if (seen_.size() >= keys_max) seen_.clear();
  auto [found, is_new] = seen_.try_emplace(text_of(line));
  Seen& seen = found->second;
  if (!is_new && now - seen.passed < window) {
    ++seen.held_back;
    return std::nullopt;
  }
  const auto held_back = std::exchange(seen.held_back, 0);
  seen.passed = now;
  return held_back;
}

std::unique_ptr<Log> stderr_log(LogLevel least, const Clock& clock) {
  return std::make_unique<StderrLog>(least, clock);
}

}  // namespace tidegate
