// `emulate` as a script or a process target meets it: what it says, signals, statuses.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "edge/net/testing/test_sockets.h"

extern "C" char** environ;

namespace tidegate {
namespace {

// A running `tidegate emulate`; its talk is read as it comes.
class Emulated {
 public:
  explicit Emulated(std::vector<std::string> arguments) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipe[1], 2);
    arguments.insert(arguments.begin(), {TIDEGATE_PROGRAM, "emulate"});
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&pid_, TIDEGATE_PROGRAM, &actions, nullptr, words.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    talk_ = pipe[0];
  }
  ~Emulated() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(talk_);
  }
  Emulated(const Emulated&) = delete;
  Emulated& operator=(const Emulated&) = delete;

  // False when it does not say so within twenty seconds.
  bool says(std::string_view text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (said_.find(text) == std::string::npos) {
      pollfd waiting{talk_, POLLIN, 0};
      if (::poll(&waiting, 1, 100) > 0) {
        char piece[4096];
        const auto got = ::read(talk_, piece, sizeof piece);
        if (got <= 0) return false;
        said_.append(piece, static_cast<std::size_t>(got));
      }
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }
  std::uint16_t port() {
    if (!says("on port ") || !says("\n")) return 0;
    return static_cast<std::uint16_t>(std::atoi(said_.c_str() + said_.find("on port ") + 8));
  }
  void signal(int number) const { ::kill(pid_, number); }
  // The exit status; -1 when a signal ended it or it does not end within twenty seconds.
  int status() {
    int status = 0;
    const bool has_ended = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    if (!has_ended) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] const std::string& said() const { return said_; }

 private:
  pid_t pid_ = -1;
  int talk_ = -1;
  std::string said_;
};

std::string endless_stream() {
  const std::string body = R"({"model":"m","prompt":"a","max_tokens":100000,"stream":true})";
  return fmt::format("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
}

TEST(emulate, says_where_it_listens_and_when_it_is_loaded_and_ends_on_a_signal) {
  Emulated server({"--port", "0", "--model", "code", "--startup", "50ms"});
  EXPECT_NE(server.port(), 0);
  EXPECT_TRUE(server.says("emulate: loaded after "));
  EXPECT_NE(server.said().find("llama-3.1-8b-h100 as code on port "), std::string::npos) << server.said();
  server.signal(SIGTERM);
  EXPECT_EQ(server.status(), 0);
}

TEST(emulate, a_second_signal_ends_it_and_what_was_cut_is_told) {
  Emulated server({"--port", "0"});
  ASSERT_TRUE(server.says("loaded"));
  TestSocket client = TestSocket::connect(server.port());
  client.send(endless_stream());
  ASSERT_FALSE(client.read_until("data: ").empty());
  server.signal(SIGTERM);
  ASSERT_TRUE(server.says("draining, 1 requests to finish")) << server.said();
  server.signal(SIGTERM);
  EXPECT_EQ(server.status(), 1);
  EXPECT_TRUE(server.says("1 requests were cut off")) << server.said();
}

TEST(emulate, a_drain_has_a_deadline) {
  Emulated server({"--port", "0", "--drain", "50ms"});
  ASSERT_TRUE(server.says("loaded"));
  TestSocket client = TestSocket::connect(server.port());
  client.send(endless_stream());
  ASSERT_FALSE(client.read_until("data: ").empty());
  server.signal(SIGTERM);
  EXPECT_EQ(server.status(), 1);
  EXPECT_TRUE(server.says("the drain deadline has passed")) << server.said();
}

TEST(emulate, names_a_taken_port) {
  Emulated first({"--port", "0"});
  const auto port = std::to_string(first.port());
  Emulated second({"--port", port});
  EXPECT_TRUE(second.says(fmt::format("cannot listen on 127.0.0.1:{}: Address already in use", port))) << second.said();
  EXPECT_TRUE(second.says("choose another port")) << second.said();
  EXPECT_EQ(second.status(), 1);
}

TEST(emulate, a_crash_ends_the_process_with_the_status_of_one) {
  Emulated server({"--port", "0", "--fault", "crash,after=10ms"});
  EXPECT_EQ(server.status(), 139);
}

TEST(emulate, what_is_asked_wrongly_is_named) {
  const std::pair<std::vector<std::string>, std::pair<int, std::string_view>> table[] = {
      {{"--profile", "llama-3.1-8b-h10"}, {5, "did you mean 'llama-3.1-8b-h100'?"}},
      {{"--startup", "20"}, {2, "--startup"}},
      {{"--port", "70000"}, {2, "--port wants a whole number from 0 to 65535"}},
      {{"--fault", "slw=4"}, {2, "no fault is called 'slw'"}},
      {{"--running-max", "0"}, {2, "--running-max"}},
      {{"--port", "0", "--weights", "/nonexistent/weights"}, {5, "cannot read the weights: /nonexistent/weights"}},
  };
  for (const auto& [arguments, wanted] : table) {
    Emulated server(arguments);
    EXPECT_TRUE(server.says(wanted.second)) << arguments.back() << ": " << server.said();
    EXPECT_EQ(server.status(), wanted.first) << arguments.back();
  }
}

}  // namespace
}  // namespace tidegate
