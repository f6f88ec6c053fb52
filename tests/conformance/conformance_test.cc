// The program's own rules on made-up rows, and every family on its recorded file.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <sstream>

#include "vectors.h"

namespace tidegate {
namespace {

Differences check_double(const Json& row) {
  Differences found;
  found.integer("double", row.at("input").get<std::int64_t>() * 2, row.at("want"));
  return found;
}

std::span<const VectorKind> made_up_kinds() {
  static constexpr std::array kinds{VectorKind{"made_up.double", check_double}};
  return kinds;
}

constexpr std::array made_up{Family{"made_up.jsonl", made_up_kinds}};

struct Played {
  Score score;
  std::string text;
};

Played play(const std::string& rows) {
  std::istringstream in{rows};
  std::ostringstream out;
  const auto score = play_vectors(in, "made_up.jsonl", made_up, out);
  return {score, out.str()};
}

TEST(Conformance, counts_rows_and_not_the_meta_line) {
  const auto played = play(
      "{\"kind\":\"meta\"}\n{\"kind\":\"made_up.double\",\"input\":2,\"want\":4}\n\n"
      "{\"kind\":\"made_up.double\",\"input\":4611686018427387903,\"want\":9223372036854775806}\n");
  EXPECT_EQ(played.score.passed, 2);
  EXPECT_EQ(played.score.failed, 0);
  EXPECT_EQ(played.text, "");
}

TEST(Conformance, a_mismatch_names_its_source_and_both_values) {
  const auto played = play(R"({"kind":"made_up.double","src":"a_test.go","test":"TestA","input":2,"want":5})");
  EXPECT_EQ(played.score.failed, 1);
  EXPECT_EQ(played.text, "FAILED made_up.jsonl:1: made_up.double: a_test.go TestA\n    double: 4 where 5 is wanted\n");
}

TEST(Conformance, what_cannot_be_played_fails) {
  for (const char* row :
       {R"({"kind":"made_up.triple"})", R"({"want":1})", "[1]", "{broken", R"({"kind":"made_up.double","want":4})"}) {
    const auto played = play(row);
    EXPECT_EQ(played.score.passed, 0) << row;
    EXPECT_EQ(played.score.failed, 1) << row;
  }
}

TEST(Conformance, floats_are_close_and_integers_exact) {
  Differences found;
  found.number("close", 1.0 + 1e-10, Json(1.0));
  found.number("tolerated", 105, Json(100), 5);
  EXPECT_TRUE(found.all().empty());
  found.number("far", 1.0 + 1e-8, Json(1.0));
  found.number("not a number", 1, Json(nullptr));
  found.integer("exact", 9223372036854775806, Json(9223372036854775807));
  EXPECT_EQ(found.all().size(), 3U);
}

TEST(Conformance, recorded_vectors_of_every_family) {
  const std::string folder = TIDEGATE_SOURCE_DIR "/../shared/conformance/";
  int missing = 0;
  for (const auto& family : families()) {
    const auto path = folder + std::string{family.file};
    std::ifstream file{path};
    if (!file) {
      ++missing;
      continue;
    }
    std::ostringstream out;
    const auto score = play_vectors(file, family.file, families(), out);
    EXPECT_EQ(score.failed, 0) << out.str();
    EXPECT_GT(score.passed, 0) << path;
  }
  if (missing > 0) GTEST_SKIP() << missing << " files of recorded vectors are missing from " << folder;
}

}  // namespace
}  // namespace tidegate
