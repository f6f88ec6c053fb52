#include "edge/machine/state_directory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace tidegate {
namespace {

TEST(StateDirectory, OnlyOneControllerAtATimeAndTheOtherIsNamed) {
  const std::string path = testing::TempDir() + fmt::format("state_{}", ::getpid());
  {
    const auto first = StateDirectory::open(path);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = StateDirectory::open(path);
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().message.contains(fmt::format("process {}", ::getpid()))) << second.error().message;
    EXPECT_TRUE(std::filesystem::is_directory(*first->folder("replicas")));
  }
  EXPECT_TRUE(StateDirectory::open(path)) << "the lock ends with its holder";
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace tidegate
