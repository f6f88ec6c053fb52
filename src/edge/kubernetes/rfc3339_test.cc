#include "edge/kubernetes/rfc3339.h"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

TEST(Rfc3339, ReadsWhatTheApiWrites) {
  const Instant at{1'772'348'709s};  // 2026-03-01 07:05:09 UTC
  EXPECT_EQ(parse_rfc3339("2026-03-01T07:05:09Z"), at);
  EXPECT_EQ(parse_rfc3339("2026-03-01T07:05:09.000250Z"), at + 250us);
  EXPECT_EQ(parse_rfc3339("2026-03-01T07:05:09.123456789Z"), at + 123'456'789ns);
  EXPECT_EQ(parse_rfc3339("2026-03-01T07:05:09.1234567891Z"), at + 123'456'789ns);
  EXPECT_EQ(parse_rfc3339("2026-03-01T09:05:09+02:00"), at);
  EXPECT_EQ(parse_rfc3339("2026-03-01T01:35:09-05:30"), at);
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), Instant{});
}

TEST(Rfc3339, RefusesEverythingElse) {
  for (const char* text :
       {"", "now", "2026-03-01", "2026-03-01T07:05:09", "2026-03-01 07:05:09Z", "2026-13-01T07:05:09Z",
        "2026-02-30T07:05:09Z", "2026-03-01T24:05:09Z", "2026-03-01T07:05:09.Z", "2026-03-01T07:05:09Z ",
        "2026-03-01T07:05:09+2:00", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "2026-3-01T07:05:09Z"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Rfc3339, WritesWhatItReads) {
  for (const char* text : {"1970-01-01T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z", "2261-12-31T00:00:00.000001Z"})
    EXPECT_EQ(rfc3339_micro(*parse_rfc3339(text)), text);
  EXPECT_EQ(rfc3339(*parse_rfc3339("2026-03-01T07:05:09.999Z")), "2026-03-01T07:05:09Z");
}

}  // namespace
}  // namespace tidegate
