#include <fmt/format.h>

#include <exception>
#include <istream>
#include <ostream>
#include <string>

#include "vectors.h"

namespace tidegate {
namespace {

const VectorKind* find_kind(std::span<const Family> known, std::string_view kind) {
  for (const auto& family : known)
    for (const auto& one : family.kinds())
      if (one.kind == kind) return &one;
  return nullptr;
}

std::string field(const Json& row, const char* name) {
  const auto found = row.find(name);
  return found != row.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

// "path/to/test.go::TestName", whatever the file calls it.
std::string origin(const Json& row) {
  std::string all;
  for (const char* name : {"src", "source_test", "test", "name"}) {
    const auto text = field(row, name);
    if (!text.empty()) all += (all.empty() ? "" : " ") + text;
  }
  return all;
}

Differences check(const Json& row, std::span<const Family> known) {
  Differences found;
  const auto kind = field(row, "kind");
  const auto* one = find_kind(known, kind);
  if (one == nullptr) {
    found.say(fmt::format("unknown kind `{}`", kind));
    return found;
  }
  try {
    return one->check(row);
  } catch (const std::exception& error) {
    found.say(fmt::format("the row cannot be read: {}", error.what()));
    return found;
  }
}

}  // namespace

Score play_vectors(std::istream& lines, std::string_view name, std::span<const Family> known, std::ostream& out) {
  Score score;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object()) {
      ++score.failed;
      out << fmt::format("FAILED {}:{}: not a JSON object\n", name, number);
      continue;
    }
    if (field(row, "kind") == "meta") continue;
    const auto found = check(row, known);
    ++(found.all().empty() ? score.passed : score.failed);
    if (found.all().empty()) continue;
    out << fmt::format("FAILED {}:{}: {}: {}\n", name, number, field(row, "kind"), origin(row));
    for (const auto& difference : found.all()) out << "    " << difference << '\n';
  }
  return score;
}

}  // namespace tidegate
