#include "app/command_reference.h"

#include <fmt/format.h>

#include <cctype>
#include <iterator>

#include "app/command.h"

namespace tidegate {
namespace {

constexpr std::string_view preface = R"(# Commands

`tidegate COMMAND --help` says the same, and knows your build. This page is generated from the table of commands;
`./dev bless` rewrites it.

stdout is data, stderr is talk. Every command also takes

| option | meaning |
|---|---|
| `-o`, `--output FORMAT` | `text` or `json` |
| `--server URL` | the running controller (default http://127.0.0.1:7070, or `TIDEGATE_SERVER`) |
| `--color WHEN` | `auto`, `always` or `never`; `NO_COLOR` is respected |
| `--quiet`, `-q` | no talk on stderr |
| `--verbose`, `-v` | more talk on stderr |

and exits with

| status | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong usage |
| 4 | a difference was found |
| 5 | not found |
| 6 | unreachable |
| 7 | no permission |
| 78 | invalid configuration |
| 99 | an objective was missed (`simulate`, `compare`, `load`, `test` with `--require`) |
| 130 | interrupted |
)";

// A bar would end the cell.
std::string cell(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '|') safe += '\\';
    safe += c;
  }
  return safe;
}

std::string usage(const Command& command) {
  std::string text = "tidegate " + command.name;
  for (const auto& one : command.positionals)
    text +=
        fmt::format(" {}{}{}{}", one.required ? "" : "[", one.name, one.repeats ? "..." : "", one.required ? "" : "]");
  for (const auto& one : command.options)
    if (one.required) text += fmt::format(" {} {}", one.name, one.value);
  if (!command.options.empty()) text += " [OPTIONS]";
  if (command.takes_rest) text += " [-- COMMAND...]";
  return text;
}

std::string section(const Command& command) {
  auto sentence = command.summary + ".";
  sentence.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence.front())));
  if (!command.aliases.empty()) sentence += fmt::format(" Also: `{}`.", fmt::join(command.aliases, "`, `"));
  auto text = fmt::format("\n### {}\n\n{}\n\n```\n{}\n```\n", command.name, sentence, usage(command));
  if (!command.positionals.empty() || !command.options.empty()) text += "\n| | meaning | default |\n|---|---|---|\n";
  for (const auto& one : command.positionals)
    text += fmt::format("| `{}` | {} | {} |\n", one.name, cell(one.help), one.required ? "required" : "");
  for (const auto& one : command.options)
    text += fmt::format("| `{}{}{}{}` | {}{} | {} |\n", one.letter.empty() ? "" : fmt::format("-{}, ", one.letter),
                        one.name, one.value.empty() ? "" : " ", one.value, cell(one.help),
                        one.repeats ? "; may be repeated" : "",
                        one.required           ? "required"
                        : one.fallback.empty() ? ""
                                               : fmt::format("`{}`", one.fallback));
  if (!command.examples.empty()) text += "\n```sh\n";
  for (const auto& example : command.examples) text += example + "\n";
  if (!command.examples.empty()) text += "```\n";
  return text;
}

}  // namespace

std::string command_reference() {
  std::string text{preface};
  for (std::size_t group = 0; group < std::size(group_titles); ++group) {
    std::string sections;
    for (const auto* command : commands())
      if (static_cast<std::size_t>(command->group) == group) sections += section(*command);
    if (!sections.empty()) text += fmt::format("\n## {}\n{}", group_titles[group], sections);
  }
  return text;
}

}  // namespace tidegate
