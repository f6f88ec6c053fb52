// docs/reference/commands.md is what the program says of itself. TIDEGATE_BLESS=1 (./dev bless) rewrites it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace {

std::string output_of(const std::string& command) {
  std::string text;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), got);
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return text;
}

TEST(CommandsSnapshot, reference_page) {
  const std::string path = TIDEGATE_SOURCE_DIR "/docs/reference/commands.md";
  const auto text = output_of(fmt::format("'{}' export commands", TIDEGATE_PROGRAM));
  if (std::getenv("TIDEGATE_BLESS") != nullptr) std::ofstream{path} << text;
  std::ifstream file{path};
  EXPECT_EQ(text, (std::string{std::istreambuf_iterator<char>{file}, {}})) << "run ./dev bless";
}

}  // namespace
