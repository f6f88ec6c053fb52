#include <fmt/format.h>

#include "app/command.h"
#include "app/exit_status.h"

namespace tidegate {
namespace {

std::string words(const std::vector<Option>& options) {
  std::string text;
  for (const auto& option : options) text += (text.empty() ? "" : " ") + option.name;
  return text;
}

std::string bash() {
  std::string names, cases;
  for (const auto* command : commands()) {
    names += command->name + " ";
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->name, words(command->options));
  }
  return fmt::format(
      "_tidegate() {{\n"
      "  local words=\"{}--help\"\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n{}  esac\n"
      "  COMPREPLY=($(compgen -f -W \"$words\" -- \"${{COMP_WORDS[COMP_CWORD]}}\"))\n"
      "}}\n"
      "complete -o default -F _tidegate tidegate\n",
      names, cases);
}

std::string fish() {
  std::string text;
  for (const auto* command : commands()) {
    text +=
        fmt::format("complete -c tidegate -n __fish_use_subcommand -a {} -d '{}'\n", command->name, command->summary);
    for (const auto& option : command->options)
      text += fmt::format("complete -c tidegate -n '__fish_seen_subcommand_from {}' -l {} -d '{}'\n", command->name,
                          option.name.substr(2), option.help);
  }
  return text;
}

// zsh reads bash completions through its own compatibility layer.
std::string zsh() { return "autoload -U +X bashcompinit && bashcompinit\n" + bash(); }

}  // namespace

extern const Command completion_command;
const Command completion_command{
    .name = "completion",
    .group = CommandGroup::fit_in,
    .summary = "print the completion script of a shell",
    .examples = {"source <(tidegate completion bash)"},
    .positionals = {{.name = "SHELL", .help = "bash, zsh or fish", .required = true}},
    .run = [](const Arguments& given, Terminal& terminal) -> int {
      const auto shell = given.value("SHELL").value_or("");
      if (shell == "bash")
        terminal.data_raw(bash());
      else if (shell == "zsh")
        terminal.data_raw(zsh());
      else if (shell == "fish")
        terminal.data_raw(fish());
      else {
        terminal.complain(fmt::format("tidegate: no completion for '{}': use bash, zsh or fish", shell));
        return exit_usage;
      }
      return exit_ok;
    }};

}  // namespace tidegate
