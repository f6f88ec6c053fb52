#include "edge/targets/replica_record.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "edge/machine/file_descriptor.h"
#include "edge/targets/process_table.h"
#include "edge/targets/spawn.h"

namespace tidegate {
namespace {

class ReplicaRecordTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override {
    if (pid_ > 0) {
      ::kill(static_cast<pid_t>(pid_), SIGKILL);
      ::waitpid(static_cast<pid_t>(pid_), nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  ReplicaRecord record() const {
    return {.replica = {.id = "chat-h100-3f2a",
                        .service = "chat",
                        .pool = "h100",
                        .state = ReplicaState::ready,
                        .host = "127.0.0.1",
                        .port = 20001,
                        .since = Instant{5s},
                        .created = Instant{1s},
                        .revision = "abc",
                        .gpus = {2, 3},
                        .pid = pid_},
            .gpu_memory = Bytes{7},
            .nonce = "chat-h100-3f2a-77",
            .boot_id = boot_id(),
            .start_time = start_time_,
            .log_path = "/tmp/x.log"};
  }

  void start() {
    const auto pid = spawn({.command = {TEST_SERVER, "--listen-after", "600000"},
                            .environment = {{replica_mark, "chat-h100-3f2a-77"}},
                            .log_path = folder_ + "/log"});
    ASSERT_TRUE(pid) << pid.error().message;
    pid_ = *pid;
    start_time_ = *process_start_time(pid_);
  }

  const std::string folder_ = testing::TempDir() + fmt::format("replica_record_{}", ::getpid());
  std::int64_t pid_ = 0;
  std::uint64_t start_time_ = 0;
};

TEST_F(ReplicaRecordTest, GoesThereAndBack) {
  const auto back = record_from_json(to_json(record()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, record());
  for (const char* broken : {"", "{}", "[1]", R"({"version":2})"}) EXPECT_FALSE(record_from_json(broken));
}

TEST_F(ReplicaRecordTest, FindsALivingProcessByPidAndStartTime) {
  start();
  ASSERT_TRUE(write_record(folder_, record()));
  auto recovery = recover(folder_);
  ASSERT_EQ(recovery.living.size(), 1U);
  EXPECT_EQ(recovery.living[0], record());

  auto reused = record();
  ++reused.start_time;  // another process under the same pid
  ASSERT_TRUE(write_record(folder_, reused));
  EXPECT_TRUE(recover(folder_).living.empty());
  EXPECT_FALSE(std::filesystem::exists(record_path(folder_, reused.replica.id))) << "dead ones are cleaned";

  auto rebooted = record();
  rebooted.boot_id = "another";
  ASSERT_TRUE(write_record(folder_, rebooted));
  EXPECT_TRUE(recover(folder_).living.empty());
}

TEST_F(ReplicaRecordTest, FindsTheProcessOfAnIntentByItsMark) {
  start();
  auto intent = record();
  intent.replica.pid = 0;
  intent.start_time = 0;
  ASSERT_TRUE(write_record(folder_, intent));
  const auto recovery = recover(folder_);
  ASSERT_EQ(recovery.living.size(), 1U);
  EXPECT_EQ(recovery.living[0].replica.pid, pid_);
  EXPECT_EQ(recovery.living[0].start_time, start_time_);

  intent.nonce = "nobody";
  ASSERT_TRUE(write_record(folder_, intent));
  EXPECT_TRUE(recover(folder_).living.empty());
  EXPECT_FALSE(std::filesystem::exists(record_path(folder_, intent.replica.id)));
}

TEST_F(ReplicaRecordTest, SetsAsideWhatItCannotRead) {
  ASSERT_TRUE(replace_file(folder_ + "/torn.json", "{\"version\":1,"));
  const auto recovery = recover(folder_);
  EXPECT_TRUE(recovery.living.empty());
  ASSERT_EQ(recovery.problems.size(), 1U);
  EXPECT_TRUE(recovery.problems[0].contains("torn.json"));
  EXPECT_TRUE(recover(folder_).problems.empty()) << "said once";
}

}  // namespace
}  // namespace tidegate
