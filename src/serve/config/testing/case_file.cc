#include "serve/config/testing/case_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace tidegate {

bool blesses() { return std::getenv("TIDEGATE_BLESS") != nullptr; }

std::string read_whole(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void write_whole(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary};
  file << text;
  ASSERT_TRUE(file.flush()) << path;
}

CaseFile read_cases(const std::string& path) {
  CaseFile file;
  std::istringstream lines(read_whole(path));
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
      file.cases.back().input += line + "\n";
    } else if (!line.empty()) {
      file.cases.back().expected += line + "\n";
    }
  }
  return file;
}

std::string text_of(const CaseFile& file) {
  std::string text = file.preface;
  for (const auto& one : file.cases) text += fmt::format("\n=== {}\n{}>>>\n{}", one.name, one.input, one.expected);
  return text;
}

void hold_text_against(const std::string& path, const std::string& text) {
  if (blesses()) write_whole(path, text);
  EXPECT_EQ(text, read_whole(path)) << "run ./dev bless";
}

}  // namespace tidegate
