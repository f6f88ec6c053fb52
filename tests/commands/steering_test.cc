// The commands that ask a controller, against a fake fleet behind the real API: what they print, and their statuses.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// One server for all tests; it ends when our end of its stdin is closed.
class Server {
 public:
  Server() {
    std::array<int, 2> to{}, from{};
    EXPECT_EQ(::pipe(to.data()), 0);
    EXPECT_EQ(::pipe(from.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      for (const int fd : {to[0], to[1], from[0], from[1]}) ::close(fd);
      ::execl(TEST_SERVER, TEST_SERVER, static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    stdin_ = to[1];
    std::array<char, 32> text{};
    EXPECT_GT(::read(from[0], text.data(), text.size() - 1), 0);
    ::close(from[0]);
    port_ = std::atoi(text.data());
  }
  ~Server() {
    ::close(stdin_);
    ::waitpid(pid_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  [[nodiscard]] int port() const { return port_; }

 private:
  pid_t pid_ = 0;
  int stdin_ = -1;
  int port_ = 0;
};

class Commands : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new Server; }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    const auto* name = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path{testing::TempDir()} / fmt::format("tidegate_steering_{}_{}", name, ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  int run(const std::string& arguments, int port = 0) {
    const auto command = fmt::format(
        "cd '{}' && XDG_STATE_HOME='{}' '{}' --server http://127.0.0.1:{} {} >out 2>err </dev/null", folder_.string(),
        folder_.string(), TIDEGATE_PROGRAM, port == 0 ? server_->port() : port, arguments);
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] std::string read(const char* name) const {
    std::ifstream file{folder_ / name};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  [[nodiscard]] std::string out() const { return read("out"); }
  [[nodiscard]] std::string err() const { return read("err"); }
  [[nodiscard]] bool says(std::string_view words) const { return out().contains(words) || err().contains(words); }

  static Server* server_;
  fs::path folder_;
};
Server* Commands::server_ = nullptr;

TEST_F(Commands, status_shows_the_fleet_and_one_service) {
  ASSERT_EQ(run("status"), 0) << err();
  EXPECT_TRUE(out().starts_with("SERVICE")) << out();
  EXPECT_TRUE(says("code [shadow]") && says("draft [paused, floor 2]") && says("0 ready")) << out();
  EXPECT_FALSE(out().contains('\x1b'));
  ASSERT_EQ(run("status chat"), 0) << err();
  EXPECT_TRUE(says("REPLICA") && says("SIGNAL") && says("127.0.0.1:20")) << out();
  ASSERT_EQ(run("status -o json"), 0);
  EXPECT_EQ(Json::parse(out())["services"].size(), 4u);
  ASSERT_EQ(run("top"), 0) << "shows once off a terminal";
  EXPECT_TRUE(out().starts_with("SERVICE")) << out();
}

TEST_F(Commands, unreachable_unknown_and_misused_are_told_apart) {
  for (const auto* command :
       {"status", "top", "logs chat", "explain chat", "why chat", "history chat", "resume chat", "restart chat",
        "pause chat --comment c", "override chat --clear", "override chat pin 1 --for 1m --comment c"}) {
    EXPECT_EQ(run(command, 1), 6) << command;
    EXPECT_TRUE(says("tidegate run")) << command << err();
    EXPECT_EQ(out(), "") << command;
  }
  for (const auto* command : {"status chta", "logs chta", "why chta", "history chta", "restart chta",
                              "override chta pin 1 --for 1m --comment c"}) {
    EXPECT_EQ(run(command), 5) << command;
    EXPECT_TRUE(says("did you mean 'chat'?")) << command << err();
  }
  for (const auto* command :
       {"override chat", "override chat stuck 1 --for 1m --comment c", "override chat pin x --for 1m --comment c",
        "override chat pin 1 --comment c", "override chat pin 1 --for 60 --comment c", "override chat pin 1 --for 1m",
        "override chat pin 1 --clear", "pause chat", "logs chat --lines 0", "logs chat --lines x", "why chat --at noon",
        "why chat --at 10:15 --decision 1", "why chat --replicas 1.5", "history chat --since yesterday"})
    EXPECT_EQ(run(command), 2) << command << out() << err();
}

TEST_F(Commands, explains_and_tells_history) {
  ASSERT_EQ(run("explain chat --replicas 9"), 0) << err();
  EXPECT_TRUE(out().starts_with("chat @") && says("What would make it 9")) << out();
  ASSERT_EQ(run("why chat --at 5m"), 0) << err();
  EXPECT_TRUE(says("observe") && says("guard")) << out();
  ASSERT_EQ(run("why chat --decision 1"), 0) << err();
  ASSERT_EQ(run("why chat -o json"), 0);
  EXPECT_TRUE(Json::parse(out()).contains("counterfactuals"));
  EXPECT_EQ(run("why chat --decision 999999"), 5);
  ASSERT_EQ(run("history chat --since 15m --changes"), 0) << err();
  EXPECT_TRUE(says("raise") && says("lower") && says("notice") && says("start_failed")) << out();
  EXPECT_FALSE(says("hold ")) << out();
}

TEST_F(Commands, steers) {
  ASSERT_EQ(run("override chat floor 4 --for 2h --comment 'launch day' --author ada"), 0) << err();
  EXPECT_TRUE(says("floor 4 for 2h")) << err();
  EXPECT_EQ(run("override chat pin 99 --for 2h --comment c"), 1);
  EXPECT_TRUE(says("replicas.max 12")) << err();
  ASSERT_EQ(run("override chat --clear"), 0) << err();
  ASSERT_EQ(run("pause embed --for 5m --comment why"), 0) << err();
  ASSERT_EQ(run("resume embed"), 0) << err();
  ASSERT_EQ(run("restart chat -o json"), 0) << err();
  EXPECT_EQ(Json::parse(out())["name"], "chat");
}

TEST_F(Commands, logs_of_a_replica_and_of_a_service) {
  ASSERT_EQ(run("logs chat-h100-3f2a --lines 3"), 0) << err();
  EXPECT_EQ(std::ranges::count(out(), '\n'), 3) << out();
  EXPECT_TRUE(out().ends_with("shard 200/200\n")) << out();
  ASSERT_EQ(run("logs draft --lines 2"), 0) << err();
  EXPECT_GE(std::ranges::count(out(), '\n'), 2);
  EXPECT_EQ(run("logs embed"), 5);
  EXPECT_TRUE(says("no replica of 'embed' runs now")) << err();
}

TEST_F(Commands, gpus_and_doctor_need_no_controller) {
  std::ofstream{folder_ / "tidegate.yaml"} << "machine: {gpus: [4, 5]}\n"
                                              "services: [{name: chat, gpus: 1, command: [serve, --port, '{port}']}]\n";
  ASSERT_EQ(run("gpus", 1), 0) << err();
  EXPECT_TRUE(says("no controller answers")) << err();
  EXPECT_TRUE(out().contains("4") && out().contains("5")) << out();
  run("doctor", 1);
  EXPECT_TRUE(says("configuration") && says("tidegate.yaml: ") && says("GPUs") && says("controller") &&
              says("tidegate run"))
      << out();
  EXPECT_EQ(run("doctor --config nowhere.yaml", 1), 1);
  EXPECT_TRUE(out().starts_with("fail  configuration")) << out();
}

TEST_F(Commands, doctor_beside_a_controller) {
  std::ofstream{folder_ / "tidegate.yaml"} << "services: [{name: chat, command: [serve, --port, '{port}']}]\n";
  EXPECT_EQ(run("doctor"), 0) << out();
  EXPECT_TRUE(says("0.0.0-test at http://127.0.0.1:") && says("clock") && says("kv_usage is error")) << out();
  ASSERT_EQ(run("doctor -o json"), 0);
  EXPECT_EQ(Json::parse(out().substr(0, out().find('\n')))["finding"], "ok");
}

}  // namespace
