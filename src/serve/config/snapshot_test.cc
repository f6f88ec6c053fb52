// What people see, held against files that a person has read: the problems of tests/configurations, the reference
// page, the JSON Schema. TIDEGATE_BLESS=1 (./dev bless) rewrites the files instead; the reviewer reads the diff.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "serve/config/configuration.h"
#include "serve/config/schema.h"
#include "serve/config/testing/case_file.h"

namespace tidegate {
namespace {

const std::string root = TIDEGATE_SOURCE_DIR;
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
    const auto loaded = load_configuration(one.input, "f", resolvers());
    std::string shown;
    for (const auto& problem : loaded.problems.sorted())
      shown += headline(problem, "f") + "\n" + excerpt(problem, one.input);
    EXPECT_EQ(loaded.problems.errors(), expected.errors) << shown;
    EXPECT_EQ(loaded.problems.warnings(), expected.warnings) << shown;
    EXPECT_EQ(loaded.fleet.has_value(), expected.errors == 0);
    if (blesses())
      one.expected = shown;
    else
      EXPECT_EQ(shown, one.expected);
  }
  if (blesses()) write_whole(path, text_of(file));
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
