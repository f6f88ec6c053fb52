// Snapshots of texts: files of cases, each an input and what a program makes of it, and whole files. TIDEGATE_BLESS=1
// (./dev bless) rewrites them instead; the reviewer reads the diff.
//
//   === the name of a case
//   input
//   >>>
//   what comes out
#pragma once

#include <string>
#include <vector>

namespace tidegate {

struct Case {
  std::string name;
  std::string input;
  std::string expected;
};

struct CaseFile {
  std::string preface;
  std::vector<Case> cases;
};

[[nodiscard]] bool blesses();
[[nodiscard]] std::string read_whole(const std::string& path);
void write_whole(const std::string& path, const std::string& text);

[[nodiscard]] CaseFile read_cases(const std::string& path);
[[nodiscard]] std::string text_of(const CaseFile& file);

// The file holds this text.
void hold_text_against(const std::string& path, const std::string& text);

}  // namespace tidegate
