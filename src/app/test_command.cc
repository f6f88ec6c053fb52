// `tidegate test`: plays scenarios against the product's own decider and says what did not hold.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "app/command.h"
#include "app/exit_status.h"
#include "core/base/json_writer.h"
#include "lab/scenario/core_decider.h"
#include "lab/scenario/runner.h"
#include "serve/config/configuration.h"

namespace tidegate {
namespace {

namespace fs = std::filesystem;

// The files given and every .scn below the folders given, each once, in order.
Result<std::vector<std::string>> scenario_files(const std::vector<std::string>& given) {
  std::vector<std::string> files;
  for (const auto& path : given) {
    std::error_code problem;
    if (!fs::is_directory(path, problem)) {
      if (!fs::exists(path, problem)) return fail(ErrorKind::not_found, fmt::format("there is no {}", path));
      files.push_back(path);
      continue;
    }
    const auto before = files.size();
    for (fs::recursive_directory_iterator each{path, problem}, end; !problem && each != end; each.increment(problem))
      if (each->path().extension() == ".scn") files.push_back(each->path().string());
    if (problem) return fail(ErrorKind::denied, fmt::format("cannot read the folder {}: {}", path, problem.message()));
    if (files.size() == before) return fail(ErrorKind::not_found, fmt::format("there is no .scn file below {}", path));
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
  }
  std::vector<std::string> once;
  for (auto& file : files)
    if (std::ranges::find(once, file) == once.end()) once.push_back(std::move(file));
  return once;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file) return fail(ErrorKind::denied, fmt::format("cannot read {}", path));
  return text;
}

struct Outcome {
  std::string file;
  std::int64_t decisions = 0;
  bool blessed = false;
  std::vector<Failure> failures;
};

Failure failure_of(const Error& error) { return {.at = {1, 1}, .message = error.message, .trace = {}}; }

Outcome play_file(const std::string& file, bool blesses) {
  Outcome outcome{.file = file};
  const auto text = read_file(file);
  if (!text) {
    outcome.failures.push_back(failure_of(text.error()));
    return outcome;
  }
  auto scenario = parse_scenario(*text, file, read_policy_text);
  if (!scenario) {
    outcome.failures.push_back(failure_of(scenario.error()));
    return outcome;
  }
  if (blesses) {
    const auto blessed = bless(*scenario, *text, core_decider);
    if (blessed != *text) {
      std::ofstream out{file, std::ios::binary};
      out << blessed;
      if (!out.flush()) {
        outcome.failures.push_back({.at = {1, 1}, .message = fmt::format("cannot write {}", file), .trace = {}});
        return outcome;
      }
      outcome.blessed = true;
      scenario = parse_scenario(blessed, file, read_policy_text);
      if (!scenario) {
        outcome.failures.push_back(failure_of(scenario.error()));
        return outcome;
      }
    }
  }
  auto result = run_scenario(*scenario, core_decider);
  outcome.decisions = result.decisions;
  outcome.failures = std::move(result.failures);
  return outcome;
}

void show(const Outcome& outcome, Terminal& terminal) {
  const bool good = outcome.failures.empty();
  terminal.data(fmt::format("{}  {}{}", terminal.paint(good ? Tone::good : Tone::bad, good ? "ok  " : "FAIL"),
                            outcome.file, outcome.blessed ? "  (rewritten)" : ""));
  for (const auto& failure : outcome.failures) {
    terminal.data(fmt::format("      {}", failure.message));
    std::string_view trace = failure.trace;
    while (!trace.empty()) {
      const auto end = std::min(trace.find('\n'), trace.size());
      terminal.data(terminal.paint(Tone::dim, fmt::format("        {}", trace.substr(0, end))));
      trace.remove_prefix(std::min(end + 1, trace.size()));
    }
  }
}

std::string as_json(const std::vector<Outcome>& outcomes, std::int64_t failed) {
  JsonWriter json;
  json.object();
  json.key("passed").value(std::ssize(outcomes) - failed);
  json.key("failed").value(failed);
  json.key("scenarios").array();
  for (const auto& outcome : outcomes) {
    json.object();
    json.key("file").value(outcome.file);
    json.key("passed").value(outcome.failures.empty());
    json.key("decisions").value(outcome.decisions);
    json.key("rewritten").value(outcome.blessed);
    json.key("failures").array();
    for (const auto& failure : outcome.failures) {
      json.object();
      json.key("line").value(failure.at.line);
      json.key("column").value(failure.at.column);
      json.key("message").value(failure.message);
      json.key("trace").value(failure.trace);
      json.end();
    }
    json.end();
    json.end();
  }
  json.end();
  json.end();
  return json.take();
}

int test_scenarios(const Arguments& given, Terminal& terminal) {
  const auto files = scenario_files(given.values("FILE"));
  if (!files) return report(terminal, files.error());
  std::vector<Outcome> outcomes;
  std::int64_t failed = 0, decisions = 0, blessed = 0;
  for (const auto& file : *files) {
    terminal.progress(fmt::format(
        "{} {}", progress_bar(static_cast<double>(outcomes.size()) / static_cast<double>(files->size())), file));
    const auto& outcome = outcomes.emplace_back(play_file(file, given.flag("--bless")));
    failed += outcome.failures.empty() ? 0 : 1;
    blessed += outcome.blessed ? 1 : 0;
    decisions += outcome.decisions;
    if (!terminal.wants_json()) show(outcome, terminal);
  }
  terminal.clear_progress();
  if (terminal.wants_json())
    terminal.data(as_json(outcomes, failed));
  else
    terminal.data(fmt::format("{} passed, {} failed{}; {} decisions",
                              static_cast<std::int64_t>(outcomes.size()) - failed, failed,
                              blessed > 0 ? fmt::format(", {} rewritten", blessed) : "", decisions));
  if (failed == 0) return exit_ok;
  return given.flag("--require") ? exit_objective_missed : exit_failure;
}

}  // namespace

extern const Command test_command;
const Command test_command{
    .name = "test",
    .group = CommandGroup::try_out,
    .summary = "play scenarios and say what did not hold",
    .examples = {"tidegate test burst.scn", "tidegate test tests/scenarios --bless"},
    .options = {{.name = "--bless", .help = "rewrite exact expectations that do not hold; read the diff afterwards"},
                {.name = "--require", .help = "exit 99, not 1, when something does not hold"}},
    .positionals = {{.name = "FILE",
                     .help = "scenarios, or folders of them (*.scn, docs/formats/scenarios.md)",
                     .required = true,
                     .repeats = true}},
    .run = test_scenarios};

}  // namespace tidegate
