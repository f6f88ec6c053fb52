// The demo as a newcomer meets it: all three scenes happen, and neither a process nor a file stays behind, also when
// it is interrupted.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

extern "C" char** environ;

namespace {

namespace fs = std::filesystem;

class Demo : public testing::Test {
 protected:
  void SetUp() override {
    const auto* name = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path{testing::TempDir()} / fmt::format("tidegate_demo_{}_{}", name, ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (pid_ > 0) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
    if (out_ >= 0) ::close(out_);
    fs::remove_all(folder_);
  }

  // Its stdout comes to out_, its temporary files go to folder_.
  void start(std::vector<std::string> words) {
    words.insert(words.begin(), {TIDEGATE_PROGRAM, "demo"});
    std::vector<std::string> variables{"TMPDIR=" + folder_.string()};
    for (char** one = environ; *one != nullptr; ++one)
      if (!std::string_view{*one}.starts_with("TMPDIR=")) variables.emplace_back(*one);
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> all;
      for (auto& text : texts) all.push_back(text.data());
      all.push_back(nullptr);
      return all;
    };
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
    for (const int end : pipe) ::posix_spawn_file_actions_addclose(&actions, end);
    const int spawned =
        ::posix_spawn(&pid_, TIDEGATE_PROGRAM, &actions, nullptr, pointers(words).data(), pointers(variables).data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    out_ = pipe[0];
    ASSERT_EQ(spawned, 0);
  }
  // Reads stdout until the text has come, or to its end when the text is empty.
  std::string read_until(const std::string& text) {
    std::string all;
    std::array<char, 4096> buffer{};
    for (pollfd waiting{out_, POLLIN, 0}; ::poll(&waiting, 1, 240'000) > 0;) {
      const auto got = ::read(out_, buffer.data(), buffer.size());
      if (got <= 0) break;
      all.append(buffer.data(), static_cast<std::size_t>(got));
      if (!text.empty() && all.find(text) != std::string::npos) break;
    }
    return all;
  }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  void expect_nothing_left() const {
    std::vector<std::string> files, processes;
    for (const auto& entry : fs::recursive_directory_iterator{folder_}) files.push_back(entry.path().string());
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator{"/proc", problem}) {
      std::ifstream file{entry.path() / "environ", std::ios::binary};
      const std::string variables{std::istreambuf_iterator<char>{file}, {}};
      if (variables.find("TIDEGATE_DEMO=" + folder_.string()) != std::string::npos)
        processes.push_back(entry.path().filename().string());
    }
    EXPECT_TRUE(files.empty()) << fmt::format("{}", fmt::join(files, " "));
    EXPECT_TRUE(processes.empty()) << fmt::format("{}", fmt::join(processes, " "));
  }

  fs::path folder_;
  pid_t pid_ = 0;
  int out_ = -1;
};

TEST_F(Demo, three_scenes_happen_and_nothing_stays) {
  start({"--quick", "-o", "json"});
  const auto end = nlohmann::json::parse(read_until(""), nullptr, false);
  EXPECT_EQ(wait(), 0);
  ASSERT_TRUE(end.is_object());
  ASSERT_EQ(end["scenes"].size(), 3U);
  for (const auto& scene : end["scenes"]) EXPECT_EQ(scene["happened"], true) << scene.dump();
  expect_nothing_left();
}

TEST_F(Demo, an_interrupt_leaves_nothing) {
  start({"--quick"});
  EXPECT_NE(read_until("raise").find("raise"), std::string::npos);
  ::kill(pid_, SIGINT);
  EXPECT_EQ(wait(), 130);
  expect_nothing_left();
}

}  // namespace
