#include <fmt/format.h>

#include <charconv>

#include "app/command.h"
#include "app/exit_status.h"
#include "core/base/check.h"

namespace tidegate {

bool Arguments::flag(std::string_view name) const { return !values(name).empty(); }

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto found = values(name);
  return found.empty() ? std::nullopt : std::optional{found.back()};
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  const auto found = values_.find(name);
  CHECK(found != values_.end());  // the command asks for what it did not declare
  return found->second;
}

Result<std::optional<double>> Arguments::number(std::string_view name) const {
  const auto text = value(name);
  if (!text) return std::optional<double>{};
  double number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size())
    return fail(ErrorKind::invalid, fmt::format("{} needs a number, not '{}'", name, *text));
  return std::optional{number};
}

int report(Terminal& terminal, const Error& error) {
  terminal.complain(fmt::format("{} {}", terminal.paint_talk(Tone::bad, "tidegate:"), error.message));
  return exit_status(error.kind);
}

}  // namespace tidegate
