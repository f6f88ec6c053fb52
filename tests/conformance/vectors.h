// The families of conformance vectors (../shared/conformance/README.md) and how rows are checked.
//
// A family is one original, the JSONL file its rows stand in, and a table from the row's `kind` to the function that
// plays the row against our reimplementation. To add one: a file NAME_vectors.cc that defines its function below, its
// line in `families` (families.cc), and its name in CMakeLists.txt.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string_view>

#include "differences.h"

namespace tidegate {

struct VectorKind {
  std::string_view kind;
  // A field the row lacks may throw (nlohmann): that is a failure of the row, too.
  Differences (*check)(const Json& row);
};

struct Family {
  std::string_view file;  // hpa.jsonl
  std::span<const VectorKind> (*kinds)();
};

// One function a family.
[[nodiscard]] std::span<const VectorKind> hpa_vectors();
[[nodiscard]] std::span<const VectorKind> kpa_vectors();
[[nodiscard]] std::span<const VectorKind> nomad_vectors();
[[nodiscard]] std::span<const VectorKind> ray_serve_vectors();

[[nodiscard]] std::span<const Family> families();

struct Score {
  std::int64_t passed = 0;
  std::int64_t failed = 0;
};

// Plays every line of `lines`. Rows of kind "meta" do not count; an unknown kind, a line that is no JSON object and a
// row that cannot be read fail. Failures go to `out` with the row's source and test.
[[nodiscard]] Score play_vectors(std::istream& lines, std::string_view name, std::span<const Family> known,
                                 std::ostream& out);

}  // namespace tidegate
