// Columns that line up, for people. Cells may hold colour; only what is seen counts for the width.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

class TextTable {
 public:
  // A heading that begins with '>' is of a column of numbers, set to the right.
  explicit TextTable(std::vector<std::string> headings);
  void row(std::vector<std::string> cells);  // as many as headings
  [[nodiscard]] std::string text() const;

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// Characters seen: without colour codes, a UTF-8 sequence as one.
[[nodiscard]] std::size_t seen_width(std::string_view text);

}  // namespace tidegate
