// What people see, held against files that a person has read: the problems of tests/configurations, the reference
// page, the JSON Schema. TIDEGATE_BLESS=1 (./dev bless) rewrites the files instead; the reviewer reads the diff.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "serve/config/configuration.h"
#include "serve/config/schema.h"

namespace tidegate {
namespace {

const std::string root = TIDEGATE_SOURCE_DIR;
bool blesses() { return std::getenv("TIDEGATE_BLESS") != nullptr; }

std::string read(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary};
  file << text;
  ASSERT_TRUE(file.flush()) << path;
}

struct Case {
  std::string name;
  std::string yaml;
  std::string expected;
};

struct CaseFile {
  std::string preface;
  std::vector<Case> cases;
};

CaseFile read_cases(const std::string& path) {
  CaseFile file;
  std::istringstream lines(read(path));
  bool in_yaml = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("=== ")) {
      file.cases.push_back({.name = line.substr(4)});
      in_yaml = true;
    } else if (line == ">>>") {
      in_yaml = false;
    } else if (file.cases.empty()) {
      file.preface += line.empty() ? "" : line + "\n";
    } else if (in_yaml) {
      file.cases.back().yaml += line + "\n";
    } else if (!line.empty()) {
      file.cases.back().expected += line + "\n";
    }
  }
  return file;
}

std::string text_of(const CaseFile& file) {
  std::string text = file.preface;
  for (const auto& one : file.cases) text += fmt::format("\n=== {}\n{}>>>\n{}", one.name, one.yaml, one.expected);
  return text;
}

Resolvers resolvers() {
  Resolvers known;
  known.profile = [](std::string_view name) -> std::optional<CapacityHint> {
    if (name != "llama-3.1-8b-h100") return std::nullopt;
    return CapacityHint{.residence_base = 900ms, .residence_slope = 12ms, .slots_max = 256};
  };
  known.profile_names = [] { return std::vector<std::string>{"llama-3.1-8b-h100"}; };
  return known;
}

struct Expected {
  std::size_t errors = 0;
  std::size_t warnings = 0;
  std::size_t least_cases = 0;
};

void hold_against(const std::string& path, Expected expected) {
  auto file = read_cases(path);
  EXPECT_GE(file.cases.size(), expected.least_cases);
  std::set<std::string> names;
  for (auto& one : file.cases) {
    SCOPED_TRACE(one.name);
    EXPECT_TRUE(names.insert(one.name).second) << "two cases of this name";
    const auto loaded = load_configuration(one.yaml, "f", resolvers());
    std::string shown;
    for (const auto& problem : loaded.problems.sorted())
      shown += headline(problem, "f") + "\n" + excerpt(problem, one.yaml);
    EXPECT_EQ(loaded.problems.errors(), expected.errors) << shown;
    EXPECT_EQ(loaded.problems.warnings(), expected.warnings) << shown;
    EXPECT_EQ(loaded.fleet.has_value(), expected.errors == 0);
    if (blesses())
      one.expected = shown;
    else
      EXPECT_EQ(shown, one.expected);
  }
  if (blesses()) write(path, text_of(file));
}

void hold_text_against(const std::string& path, const std::string& text) {
  if (blesses()) write(path, text);
  EXPECT_EQ(text, read(path)) << "run ./dev bless";
}

TEST(ConfigurationSnapshot, every_malformed_file_gets_one_clear_error) {
  hold_against(root + "/tests/configurations/malformed.txt", {.errors = 1, .least_cases = 60});
}

TEST(ConfigurationSnapshot, every_doubtful_file_gets_one_clear_warning) {
  hold_against(root + "/tests/configurations/doubtful.txt", {.warnings = 1, .least_cases = 15});
}

TEST(ConfigurationSnapshot, reference_page) {
  hold_text_against(root + "/docs/reference/configuration.md", configuration_reference());
}

TEST(ConfigurationSnapshot, json_schema) {
  hold_text_against(root + "/docs/reference/configuration.schema.json", json_schema());
}

}  // namespace
}  // namespace tidegate
