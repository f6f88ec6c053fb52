// Every file under tests/scenarios is read and played against the product's own decider. What does not hold is said
// with file, line and column, and the trace of the decision; `./dev bless` rewrites exact expectations.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "lab/scenario/core_decider.h"
#include "lab/scenario/runner.h"
#include "serve/config/configuration.h"

namespace tidegate {
namespace {

namespace fs = std::filesystem;
const fs::path root = fs::path{TIDEGATE_SOURCE_DIR} / "tests/scenarios";

std::vector<std::string> scenario_files() {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator{root})
    if (entry.path().extension() == ".scn") files.push_back(fs::relative(entry.path(), root).string());
  std::ranges::sort(files);
  return files;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  auto name = info.param.substr(0, info.param.size() - 4);
  std::ranges::replace_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

std::string read(const fs::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class ScenarioFile : public testing::TestWithParam<std::string> {};

TEST_P(ScenarioFile, is_understood_and_says_what_it_guards) {
  const auto text = read(root / GetParam());
  EXPECT_TRUE(text.starts_with("# ")) << "the first line says what the scenario guards against";
  const auto scenario = parse_scenario(text, GetParam(), read_policy_text);
  EXPECT_TRUE(scenario) << scenario.error().message;
}

TEST_P(ScenarioFile, holds) {
  const auto scenario = parse_scenario(read(root / GetParam()), "tests/scenarios/" + GetParam(), read_policy_text);
  ASSERT_TRUE(scenario) << scenario.error().message;
  const auto result = run_scenario(*scenario, core_decider);
  EXPECT_GT(result.decisions, 0);
  for (const auto& failure : result.failures) ADD_FAILURE() << failure.message << "\n" << failure.trace;
}

TEST(Scenarios, are_at_least_forty) { EXPECT_GE(scenario_files().size(), 40U); }

INSTANTIATE_TEST_SUITE_P(Scenarios, ScenarioFile, testing::ValuesIn(scenario_files()), test_name);

}  // namespace
}  // namespace tidegate
