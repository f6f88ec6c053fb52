// A command of the `tidegate` program: its words, its options and what it does, in one table row each.
// main.cc turns the table into parsing, --help and completion; no command file knows the argument library.
//
//   extern const Command version_command;
//   const Command version_command{
//       .name = "version", .group = CommandGroup::fit_in, .summary = "print the version of this build",
//       .run = [](const Arguments& given, Terminal& terminal) -> int { ... }};
//
// and one line in commands.cc. stdout is data, stderr is talk. `run` returns a status of exit_status.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/terminal.h"
#include "core/base/error.h"

namespace tidegate {

enum class CommandGroup : std::uint8_t { run, understand, try_out, steer, fit_in };
inline constexpr std::string_view group_titles[] = {"Run", "Understand", "Try out", "Steer", "Fit in"};

struct Option {
  std::string name;    // "--scale"
  std::string letter;  // "f": also -f
  std::string value;   // what stands for the value in the help: "X"; empty: a flag
  std::string help;
  std::string fallback;  // shown in the help and used when the option is left out
  bool repeats = false;
  bool required = false;
};

struct Positional {
  std::string name;  // "FILE"
  std::string help;
  bool required = false;
  bool repeats = false;
};

// What the user gave, by name. Asking for a name the command does not declare is our bug.
class Arguments {
 public:
  [[nodiscard]] bool flag(std::string_view name) const;
  // The value given, else the fallback, else nothing.
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
  // A number in the option's value; an error names the option and what was expected.
  [[nodiscard]] Result<std::optional<double>> number(std::string_view name) const;
  // Everything after "--": a command line to run.
  [[nodiscard]] const std::vector<std::string>& rest() const { return rest_; }

  void set(std::string name, std::vector<std::string> values) { values_[std::move(name)] = std::move(values); }
  void set_rest(std::vector<std::string> rest) { rest_ = std::move(rest); }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> rest_;
};

struct Command {
  std::string name;
  std::vector<std::string> aliases;  // further words for it
  CommandGroup group = CommandGroup::run;
  std::string summary;                // one line, lower case, no full stop
  std::vector<std::string> examples;  // shown in the help
  std::vector<Option> options;
  std::vector<Positional> positionals;
  bool takes_rest = false;  // "-- COMMAND ..."
  std::function<int(const Arguments&, Terminal&)> run;
};

// Every command of this build, in the order of the help (commands.cc).
[[nodiscard]] const std::vector<const Command*>& commands();

// Prints the error for a person and returns its exit status.
[[nodiscard]] int report(Terminal& terminal, const Error& error);

}  // namespace tidegate
