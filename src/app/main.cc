// The door: turns the table of commands into a command line. The only file that knows CLI11.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <list>

#include "app/command.h"
#include "app/exit_status.h"

namespace tidegate {
namespace {

// Where CLI11 leaves what it parsed; addresses must not move.
struct Slot {
  std::string name;
  std::vector<std::string> values;
  bool given = false;
  bool is_flag = false;
  std::string fallback;
};

struct Bound {
  const Command* command = nullptr;
  CLI::App* app = nullptr;
  std::list<Slot> slots;
};

void bind_option(Bound& bound, const Option& option) {
  auto& slot =
      bound.slots.emplace_back(Slot{.name = option.name, .is_flag = option.value.empty(), .fallback = option.fallback});
  const auto help =
      option.fallback.empty() ? option.help : fmt::format("{} (default {})", option.help, option.fallback);
  const auto names = option.letter.empty() ? option.name : fmt::format("-{},{}", option.letter, option.name);
  if (slot.is_flag) {
    bound.app->add_flag(names, slot.given, option.help);
    return;
  }
  auto* made = bound.app->add_option(names, slot.values, help)->type_name(option.value)->required(option.required);
  made->expected(option.repeats ? -1 : 1);
  if (!option.repeats) made->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  made->allow_extra_args(false);
}

void bind_positional(Bound& bound, const Positional& positional) {
  auto& slot = bound.slots.emplace_back(Slot{.name = positional.name});
  auto* made = bound.app->add_option(positional.name, slot.values, positional.help)->required(positional.required);
  made->option_text(positional.required ? "" : "(optional)");
  if (positional.repeats)
    made->expected(positional.required ? 1 : 0, 10'000);
  else
    made->expected(1)->allow_extra_args(false);  // the next word is the next positional's
}

void bind(Bound& bound, CLI::App& root, const Command& command) {
  bound.command = &command;
  bound.app = root.add_subcommand(command.name, command.summary);
  bound.app->group(std::string{group_titles[static_cast<std::size_t>(command.group)]});
  for (const auto& alias : command.aliases) bound.app->alias(alias);
  bound.app->fallthrough();
  std::string footer;
  for (const auto& example : command.examples) footer += (footer.empty() ? "Examples:\n  " : "\n  ") + example;
  bound.app->footer(footer);
  for (const auto& positional : command.positionals) bind_positional(bound, positional);
  for (const auto& option : command.options) bind_option(bound, option);
}

Arguments collect(const Bound& bound, std::vector<std::string> rest) {
  Arguments given;
  for (const auto& slot : bound.slots) {
    auto values = slot.values;
    if (slot.is_flag && slot.given) values = {"true"};
    if (values.empty() && !slot.fallback.empty()) values = {slot.fallback};
    given.set(slot.name, std::move(values));
  }
  given.set_rest(std::move(rest));
  return given;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

// A first word that is no command gets the nearest one suggested.
std::optional<std::string> unknown_command(const std::vector<std::string>& words) {
  for (const auto& word : words) {
    if (word.starts_with("-")) return std::nullopt;
    const Command* nearest = nullptr;
    for (const auto* command : commands()) {
      if (command->name == word || std::ranges::find(command->aliases, word) != command->aliases.end())
        return std::nullopt;
      if (nearest == nullptr || distance(word, command->name) < distance(word, nearest->name)) nearest = command;
    }
    return distance(word, nearest->name) <= 2 ? fmt::format("no command '{}': did you mean '{}'?", word, nearest->name)
                                              : fmt::format("no command '{}': see tidegate --help", word);
  }
  return std::nullopt;
}

void add_globals(CLI::App& root, TerminalOptions& options) {
  static const std::map<std::string, OutputFormat> formats{{"text", OutputFormat::text}, {"json", OutputFormat::json}};
  static const std::map<std::string, ColorChoice> colors{
      {"auto", ColorChoice::automatic}, {"always", ColorChoice::always}, {"never", ColorChoice::never}};
  root.add_option("-o,--output", options.format, "text or json")
      ->transform(CLI::CheckedTransformer(formats))
      ->type_name("FORMAT")
      ->option_text("FORMAT");
  root.add_option("--server", options.server, "the running controller")->type_name("URL")->envname("TIDEGATE_SERVER");
  root.add_option("--color", options.color, "auto, always or never")
      ->transform(CLI::CheckedTransformer(colors))
      ->option_text("WHEN");
  root.add_flag("--quiet,-q", options.quiet, "no talk on stderr");
  root.add_flag("--verbose,-v", options.verbose, "more talk on stderr");
}

int run(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc), rest;
  if (const auto dashes = std::ranges::find(words, "--"); dashes != words.end()) {
    rest.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }

  CLI::App root{"tidegate keeps just enough model replicas warm.", "tidegate"};
  root.require_subcommand(1);
  root.footer("Start with `tidegate demo`, then `tidegate init`.");
  TerminalOptions options;
  add_globals(root, options);
  std::list<Bound> bounds;
  for (const auto* command : commands()) bind(bounds.emplace_back(), root, *command);

  if (const auto problem = unknown_command(words)) {
    fmt::print(stderr, "tidegate: {}\n", *problem);
    return exit_usage;
  }
  if (words.empty()) words = {"--help"};
  try {
    std::ranges::reverse(words);
    root.parse(words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return root.exit(error);
    fmt::print(stderr, "tidegate: {}\n", error.what());
    return exit_usage;
  }
  for (const auto& bound : bounds) {
    if (!bound.app->parsed()) continue;
    if (!rest.empty() && !bound.command->takes_rest) {
      fmt::print(stderr, "tidegate: {} takes no command after '--'\n", bound.command->name);
      return exit_usage;
    }
    Terminal terminal{options};
    return bound.command->run(collect(bound, std::move(rest)), terminal);
  }
  return exit_usage;
}

}  // namespace
}  // namespace tidegate

int main(int argc, char** argv) {
  // A reader that went away is told by write(), not by a signal that kills us.
  std::signal(SIGPIPE, SIG_IGN);
  return tidegate::run(argc, argv);
}
