#include "edge/machine/state_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

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

// Its controller was killed while it started a replica, and the machine is busy: longer than a living holder is waited
// for.
TEST(StateDirectory, AChildOfADeadControllerIsWaitedFor) {
  const std::string path = testing::TempDir() + fmt::format("state_dead_{}", ::getpid());
  std::filesystem::create_directories(path);
  const pid_t dead = ::fork();
  if (dead == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(dead, nullptr, 0), dead);
  std::ofstream(path + "/controller.lock") << dead << "\n";
  const int held = ::open((path + "/controller.lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(::flock(held, LOCK_EX | LOCK_NB), 0);
  std::thread child([held] {
    std::this_thread::sleep_for(std::chrono::milliseconds(800));
    ::close(held);
  });
  const auto next = StateDirectory::open(path);
  child.join();
  EXPECT_TRUE(next) << next.error().message;
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace tidegate
