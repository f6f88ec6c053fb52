// Runs `tidegate validate`, `export` and `init` as a person would.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

namespace {

namespace fs = std::filesystem;
const fs::path root = TIDEGATE_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

class Program : public testing::Test {
 protected:
  void SetUp() override {
    const auto name = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path{testing::TempDir()} / fmt::format("tidegate_configurations_{}_{}", name, ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  Outcome run(const std::string& arguments) {
    const auto command = fmt::format("cd '{0}' && '{1}' {2} >'{0}/out' 2>'{0}/err' </dev/null", folder_.string(),
                                     TIDEGATE_PROGRAM, arguments);
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(folder_ / "out"), read(folder_ / "err")};
  }
  void write(const std::string& name, const std::string& text) { std::ofstream{folder_ / name} << text; }

  fs::path folder_;
};

TEST_F(Program, every_malformed_configuration_exits_78_with_one_placed_error) {
  std::istringstream lines(read(root / "tests/configurations/malformed.txt"));
  std::string name, yaml;
  bool in_yaml = false;
  int cases = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("=== ")) {
      name = line.substr(4), yaml.clear(), in_yaml = true;
    } else if (line == ">>>") {
      in_yaml = false;
    } else if (in_yaml) {
      yaml += line + "\n";
    } else if (line.starts_with("f:")) {
      SCOPED_TRACE(name);
      write("f", yaml);
      const auto outcome = run("validate f");
      EXPECT_EQ(outcome.status, 78);
      EXPECT_EQ(outcome.out, "");
      EXPECT_TRUE(outcome.err.starts_with(line + "\n")) << outcome.err;
      EXPECT_TRUE(outcome.err.ends_with("f: 1 error, 0 warnings\n")) << outcome.err;
      ++cases;
    }
  }
  EXPECT_GE(cases, 60);
}

TEST_F(Program, json_names_the_place) {
  write("f", "services:\n  - name: chat\n    slo: {ttft_p99: 800}\n");
  const auto outcome = run("validate -o json f");
  EXPECT_EQ(outcome.status, 78);
  const auto json = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << outcome.out;
  EXPECT_EQ(json.at("errors"), 1);
  const auto& problem = json.at("problems").at(0);
  EXPECT_EQ(problem.at("code"), "missing_unit");
  EXPECT_EQ(problem.at("line"), 3);
  EXPECT_EQ(problem.at("column"), 21);
}

TEST_F(Program, a_valid_file_is_summed_up_and_warnings_may_be_denied) {
  write("f", "services:\n  - {name: chat, startup: 2m, command: [serve, \"{port}\"]}\n");
  const auto valid = run("validate f");
  EXPECT_EQ(valid.status, 0);
  EXPECT_TRUE(valid.out.contains("service chat (act)")) << valid.out;
  EXPECT_TRUE(valid.err.contains("warning[hold_shorter_than_cold_start]")) << valid.err;
  EXPECT_EQ(run("validate --deny-warnings f").status, 78);
  EXPECT_EQ(run("validate --config f").status, 0);
  EXPECT_EQ(run("validate nothing").status, 5);
}

TEST_F(Program, the_schema_is_json_and_later_exports_are_refused_by_name) {
  const auto schema = run("export schema");
  EXPECT_EQ(schema.status, 0);
  EXPECT_EQ(schema.out, read(root / "docs/reference/configuration.schema.json"));
  EXPECT_FALSE(nlohmann::json::parse(schema.out, nullptr, false).is_discarded());
  const auto later = run("export runbooks");
  EXPECT_EQ(later.status, 2);
  EXPECT_TRUE(later.err.contains("not in this build")) << later.err;
}

TEST_F(Program, init_writes_a_valid_file_once) {
  // A port that nothing listens on: 1 needs privileges that no test server has.
  const auto made = run("init --prometheus-port 1");
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(run("validate --deny-warnings").status, 0) << run("validate").err;
  write("tidegate.yaml", "mine");
  const auto again = run("init --prometheus-port 1");
  EXPECT_EQ(again.status, 1);
  EXPECT_TRUE(again.err.contains("--force")) << again.err;
  EXPECT_EQ(read(folder_ / "tidegate.yaml"), "mine");
  EXPECT_EQ(run("init --force --prometheus-port 1").status, 0);
  EXPECT_TRUE(read(folder_ / "tidegate.yaml").starts_with("# Written by"));
}

}  // namespace
