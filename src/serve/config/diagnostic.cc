#include "serve/config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tidegate {
namespace {

constexpr std::size_t excerpt_width = 160;  // characters of a source line that are shown

std::string_view line_of(std::string_view text, std::int32_t line) {
  for (std::int32_t at = 1; at < line; ++at) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// Tabs and control characters become spaces, so that the caret stands under what it means.
std::string printable(std::string_view line) {
  std::string shown;
  std::size_t characters = 0;
  for (const char byte : line) {
    if (!continues_character(byte) && ++characters > excerpt_width) return shown + "...";
    shown += static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f ? ' ' : byte;
  }
  return shown;
}

// A file that cannot even be read as YAML may still hold a secret in the line to be shown.
bool may_hold_secret(std::string_view line) {
  std::string lower;
  for (const char c : line) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower.contains("{env") || lower.contains("{file")) return false;
  for (const std::string_view word : {"authorization", "api_key", "api-key", "password", "secret:", "token:"})
    if (lower.contains(word)) return true;
  return false;
}

std::string plural(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

}  // namespace

void Diagnostics::add(Diagnostic problem) {
  auto& count = problem.severity == Severity::error ? errors_ : warnings_;
  if (count++ < most) kept_.push_back(std::move(problem));
}

void Diagnostics::error(std::string code, TextSpan at, std::string message, std::string help) {
  add({Severity::error, std::move(code), at, std::move(message), std::move(help)});
}

void Diagnostics::warning(std::string code, TextSpan at, std::string message, std::string help) {
  add({Severity::warning, std::move(code), at, std::move(message), std::move(help)});
}

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> ordered;
  const auto before = [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair{a.at.line, a.at.column} < std::pair{b.at.line, b.at.column};
  };
  for (const auto& problem : kept_)
    ordered.insert(std::upper_bound(ordered.begin(), ordered.end(), problem, before), problem);
  // Another problem of the same line would show what this one hides.
  for (auto& problem : ordered)
    problem.masks = std::any_of(ordered.begin(), ordered.end(), [&](const Diagnostic& other) {
      return other.masks && other.at.line == problem.at.line;
    });
  return ordered;
}

std::string headline(const Diagnostic& problem, std::string_view filename) {
  return fmt::format("{}:{}:{}: {}[{}]: {}", filename, problem.at.line, problem.at.column, to_text(problem.severity),
                     problem.code, problem.message);
}

std::string excerpt(const Diagnostic& problem, std::string_view text) {
  const auto number = fmt::format("{:5}", problem.at.line);
  const std::string margin(number.size(), ' ');
  std::string shown;
  const auto line = line_of(text, problem.at.line);
  const auto column = static_cast<std::size_t>(std::max(problem.at.column, 1));
  if (problem.masks || may_hold_secret(line)) {
    shown += fmt::format("{} | (not shown: it holds a secret)\n", number);
  } else if (!line.empty() && column <= excerpt_width) {
    const auto width =
        std::min<std::size_t>(static_cast<std::size_t>(std::max(problem.at.width, 1)), excerpt_width - column + 1);
    shown += fmt::format("{} | {}\n", number, printable(line));
    shown += fmt::format("{} | {}{}\n", margin, std::string(column - 1, ' '), std::string(width, '^'));
  }
  if (!problem.help.empty()) shown += fmt::format("{} = help: {}\n", margin, problem.help);
  return shown;
}

std::string counts(const Diagnostics& problems) {
  const bool cut = problems.errors() > Diagnostics::most || problems.warnings() > Diagnostics::most;
  return fmt::format("{}, {}{}", plural(problems.errors(), "error"), plural(problems.warnings(), "warning"),
                     cut ? fmt::format(" (the first {} of each are shown)", Diagnostics::most) : "");
}

std::string render(const Diagnostics& problems, std::string_view filename, std::string_view text) {
  std::string shown;
  for (const auto& problem : problems.sorted())
    shown += fmt::format("{}\n{}", headline(problem, filename), excerpt(problem, text));
  if (problems.errors() + problems.warnings() > 0) shown += fmt::format("{}: {}\n", filename, counts(problems));
  return shown;
}

std::string to_json(const Diagnostics& problems, std::string_view filename) {
  nlohmann::ordered_json json{{"file", filename},
                              {"errors", problems.errors()},
                              {"warnings", problems.warnings()},
                              {"problems", nlohmann::ordered_json::array()}};
  for (const auto& problem : problems.sorted())
    json["problems"].push_back({{"severity", to_text(problem.severity)},
                                {"code", problem.code},
                                {"line", problem.at.line},
                                {"column", problem.at.column},
                                {"message", problem.message},
                                {"help", problem.help}});
  // Names and values are quoted from the file, which may hold any bytes.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace tidegate
