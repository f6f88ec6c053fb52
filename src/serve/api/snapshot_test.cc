// Pages written from tables of this room, held against the files that people read. TIDEGATE_BLESS=1 (./dev bless)
// rewrites the files instead; the reviewer reads the diff.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "serve/api/metrics_page.h"
#include "serve/api/reason_text.h"

namespace tidegate {
namespace {

void hold_against(const std::string& path, const std::string& text) {
  const auto full = std::string{TIDEGATE_SOURCE_DIR} + "/" + path;
  if (std::getenv("TIDEGATE_BLESS") != nullptr) {
    std::ofstream file{full, std::ios::binary};
    file << text;
    ASSERT_TRUE(file.flush()) << full;
  }
  std::ifstream file{full, std::ios::binary};
  const std::string is{std::istreambuf_iterator<char>{file}, {}};
  EXPECT_EQ(text, is) << path << ": run ./dev bless";
}

TEST(ApiSnapshot, reasons_reference) { hold_against("docs/reference/reasons.md", reasons_reference()); }

TEST(ApiSnapshot, metrics_reference) { hold_against("docs/reference/metrics.md", metrics_reference()); }

}  // namespace
}  // namespace tidegate
