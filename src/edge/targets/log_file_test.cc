#include "edge/targets/log_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tidegate {
namespace {

class LogFileTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  const std::string folder_ = testing::TempDir() + fmt::format("log_file_{}", ::getpid());
};

TEST_F(LogFileTest, TailIsTheLastLinesOldestFirst) {
  EXPECT_EQ(read_log_tail(write("a.log", "1\n2\n3\n4"), 3), (std::vector<std::string>{"2", "3", "4"}));
  EXPECT_EQ(read_log_tail(write("b.log", "1\n"), 3), std::vector<std::string>{"1"});
  EXPECT_TRUE(read_log_tail(write("c.log", ""), 3).empty());
  EXPECT_TRUE(read_log_tail(folder_ + "/none.log", 3).empty());
  EXPECT_EQ(read_log_tail(write("d.log", std::string(900'000, 'x')), 3).at(0).size(), 1000U);
}

TEST_F(LogFileTest, StaysWithinItsBoundWhileItsWriterGoesOn) {
  const std::string path = folder_ + "/big.log";
  std::ofstream writer(path, std::ios::app);
  writer << std::string(5000, 'a') << "\nlast\n" << std::flush;
  ASSERT_TRUE(bound_log(path, 4000));
  EXPECT_EQ(std::filesystem::file_size(path), 0U);
  EXPECT_EQ(read_log_tail(path + ".1", 1), std::vector<std::string>{"last"});
  EXPECT_EQ(std::filesystem::file_size(path + ".1"), 1000U);
  writer << "goes on\n" << std::flush;
  EXPECT_EQ(std::filesystem::file_size(path), 8U) << "an appending writer starts at the beginning again";
  ASSERT_TRUE(bound_log(path, 4000));
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
}

TEST_F(LogFileTest, PrunesTheOldestOfThisPoolOnly) {
  for (const char* name : {"chat-a-0001.log", "chat-a-0002.log", "chat-a-0003.log", "chat-a-b-0001.log"}) {
    const std::string path = write(name, "x");
    std::filesystem::last_write_time(path, std::filesystem::file_time_type(std::chrono::seconds(name[10])));
  }
  prune_logs(folder_, "chat-a-", {"chat-a-0001"}, 1);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/chat-a-0001.log")) << "in use";
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/chat-a-0002.log"));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/chat-a-0003.log"));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/chat-a-b-0001.log"));
}

}  // namespace
}  // namespace tidegate
