// `decide`, `test` and `replay` as a script meets them: pipes, statuses, files.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

extern "C" char** environ;

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class Program : public testing::Test {
 protected:
  void SetUp() override {
    const auto* name = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path{testing::TempDir()} / fmt::format("tidegate_commands_{}_{}", name, ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) { std::ofstream{folder_ / name} << text; }
  // The exit status; stdout and stderr are in the files out and err.
  int run(const std::string& arguments, const std::string& input = "") {
    write("in", input);
    const auto command =
        fmt::format("cd '{}' && '{}' {} >out 2>err <in", folder_.string(), TIDEGATE_PROGRAM, arguments);
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string out() const { return read(folder_ / "out"); }
  std::string err() const { return read(folder_ / "err"); }
  static std::ptrdiff_t lines(const std::string& text) { return std::ranges::count(text, '\n'); }

  fs::path folder_;
};

constexpr auto one_service = R"(services:
  - name: chat
    replicas: {min: 1, max: 8}
    pools: [{name: h100, startup: 60s, capacity: {slots: 8, service: 2s}}]
)";
constexpr auto good_line =
    R"({"now":1,"service":"chat","in_flight":40,"queued":0,"pools":[{"pool":"h100","ready":1}]})";

TEST_F(Program, decide_answers_every_line_with_a_line) {
  write("tidegate.yaml", one_service);
  EXPECT_EQ(run("decide", fmt::format("{}\n\nnot json\n{}", good_line, R"({"now":2,"service":"chat"})")), 0) << err();
  EXPECT_EQ(lines(out()), 4);
  EXPECT_EQ(err(), "");
  EXPECT_TRUE(out().starts_with(R"({"now":1.0,"service":"chat","verdict":"raise",)")) << out();
  EXPECT_NE(out().find("\n{\"error\":\"an empty line"), std::string::npos) << out();
}

TEST_F(Program, decide_refuses_a_line_without_end_and_goes_on) {
  write("tidegate.yaml", one_service);
  EXPECT_EQ(run("decide", std::string(3U << 20, 'x') + "\n" + good_line + "\n"), 0);
  EXPECT_TRUE(out().starts_with(R"({"error":"the line is longer than 1048576 bytes","line":1})")) << out();
  EXPECT_EQ(lines(out()), 2);
}

TEST_F(Program, decide_needs_a_sound_configuration) {
  EXPECT_NE(run("decide --config nowhere.yaml"), 0);
  write("bad.yaml", "services: [{name: chat, slo: {ttft_p99: 2}}]\n");
  EXPECT_EQ(run("decide --config bad.yaml", good_line), 78);
  EXPECT_EQ(out(), "");
  EXPECT_NE(err().find("bad.yaml:1:"), std::string::npos) << err();
}

// A process with a pipe on either side.
class Piped {
 public:
  explicit Piped(const std::string& config) {
    std::array<int, 2> to{}, from{};
    EXPECT_EQ(::pipe(to.data()), 0);
    EXPECT_EQ(::pipe(from.data()), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    ::posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    for (const int end : {to[0], to[1], from[0], from[1]}) ::posix_spawn_file_actions_addclose(&actions, end);
    std::string program = TIDEGATE_PROGRAM, verb = "decide", option = "--config", file = config;
    std::array<char*, 5> words{program.data(), verb.data(), option.data(), file.data(), nullptr};
    EXPECT_EQ(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, words.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]), ::close(from[1]);
    in_ = to[1], out_ = from[0];
  }
  ~Piped() {
    ::close(in_);
    ::waitpid(pid_, nullptr, 0);
    ::close(out_);
  }
  std::optional<std::string> answer(const std::string& line) {
    if (::write(in_, line.data(), line.size()) < 0) return std::nullopt;
    std::string text;
    for (pollfd waiting{out_, POLLIN, 0}; ::poll(&waiting, 1, 30'000) == 1;) {
      char c = 0;
      if (::read(out_, &c, 1) != 1) break;
      if (c == '\n') return text;
      text += c;
    }
    return std::nullopt;
  }

 private:
  pid_t pid_ = 0;
  int in_ = -1, out_ = -1;
};

TEST_F(Program, decide_answers_before_the_next_line_comes) {
  write("tidegate.yaml", one_service);
  Piped brain{(folder_ / "tidegate.yaml").string()};
  for (int i = 1; i <= 3; ++i) {
    const auto answer = brain.answer(fmt::format(R"({{"now":{},"service":"chat"}})", i) + "\n");
    ASSERT_TRUE(answer) << "no answer within 30 s";
    EXPECT_TRUE(answer->starts_with(fmt::format(R"({{"now":{}.0,)", i))) << *answer;
  }
}

constexpr auto scenario = R"(# An override is an override.
service chat
    replicas    1..20

feed every 10s
    in_flight   1x4
    at 10s      override pin 5

expect
    20s         {}
)";

TEST_F(Program, test_says_what_does_not_hold) {
  write("good.scn", fmt::format(scenario, 5));
  EXPECT_EQ(run("test good.scn"), 0) << out() << err();
  EXPECT_EQ(out(), "ok    good.scn\n1 passed, 0 failed; 4 decisions\n");
  write("bad.scn", fmt::format(scenario, 4));
  write("unreadable.scn", "service chat\n    replicas many\n");
  EXPECT_EQ(run("test ."), 1);
  EXPECT_NE(out().find("FAIL  ./bad.scn\n      ./bad.scn:10:5: "), std::string::npos) << out();
  EXPECT_NE(out().find("        chat @20s"), std::string::npos) << "no trace\n" << out();
  EXPECT_NE(out().find("      ./unreadable.scn:2:"), std::string::npos) << out();
  EXPECT_TRUE(out().ends_with("1 passed, 2 failed; 8 decisions\n")) << out();
  EXPECT_EQ(run("test --require ."), 99);
  EXPECT_EQ(run("test nowhere.scn"), 5);
  EXPECT_EQ(run("test"), 2);
}

TEST_F(Program, test_speaks_json) {
  write("bad.scn", fmt::format(scenario, 4));
  EXPECT_EQ(run("test bad.scn -o json"), 1);
  EXPECT_TRUE(out().starts_with(R"({"passed":0,"failed":1,"scenarios":[{"file":"bad.scn","passed":false,)")) << out();
  EXPECT_EQ(lines(out()), 1);
}

TEST_F(Program, test_blesses_in_place) {
  write("bad.scn", fmt::format(scenario, 4));
  EXPECT_EQ(run("test --bless bad.scn"), 0) << out();
  EXPECT_NE(read(folder_ / "bad.scn").find("20s         5\n"), std::string::npos) << read(folder_ / "bad.scn");
  EXPECT_NE(out().find("(rewritten)"), std::string::npos) << out();
  EXPECT_EQ(run("test bad.scn"), 0);
}

TEST_F(Program, replay_needs_a_journal) {
  write("tidegate.yaml", one_service);
  EXPECT_EQ(run("replay nowhere.sqlite"), 5);
  EXPECT_FALSE(fs::exists(folder_ / "nowhere.sqlite"));
  write("journal.sqlite", "this is no database, however long one looks at it, and looking must not move it away");
  EXPECT_EQ(run("replay ."), 78) << err();
  EXPECT_TRUE(fs::exists(folder_ / "journal.sqlite"));
}

constexpr auto two_services = R"(services:
  - name: chat
    replicas: {min: 1, max: 8}
    pools: [{name: h100, price: $2/h, startup: 20s, capacity: {slots: 8, service: 2s}}]
  - name: code
    policy: {static: {replicas: 2}}
    replicas: {min: 0, max: 8}
    pools: [{name: h100, startup: 20s, capacity: {slots: 8, service: 2s}}]
)";

TEST_F(Program, simulate_plays_flags_alone_and_repeats_to_the_byte) {
  const std::string arguments = "simulate --generate constant:rate=4,length=30m --policy slo --cold-start 20s -o json";
  EXPECT_EQ(run(arguments), 0) << err();
  const auto digest_of = [](const std::string& json) { return json.substr(json.find("\"digest\"")); };
  const auto first = out();
  for (const auto* member :
       {"policy\":\"slo",        "trace",        "seed\":1", "requests",     "dropped\":0",     "slo_attainment",
        "ttft_seconds\":{\"p50", "p90",          "p95",      "p99",          "latency_seconds", "queue_seconds",
        "replica_hours",         "gpu_hours",    "cost",     "scale_events", "reversals",       "cold_starts",
        "cold_start_exposed",    "wall_seconds", "digest"})
    EXPECT_NE(first.find(fmt::format("\"{}", member)), std::string::npos) << member << first;
  EXPECT_EQ(run(arguments), 0);
  EXPECT_EQ(digest_of(out()), digest_of(first));
  EXPECT_EQ(run(arguments + " --seed 2"), 0);
  EXPECT_NE(digest_of(out()), digest_of(first));
}

TEST_F(Program, simulate_plays_a_configuration_with_a_trace_for_each_service) {
  write("tidegate.yaml", two_services);
  write("chat.csv", "t_seconds,requests\n0,60\n60,120\n120,60\n");
  write("code.csv", "t_seconds,input_tokens,output_tokens\n1,10,5\n2,10,5\n300,10,5\n");
  EXPECT_EQ(run("simulate --config tidegate.yaml --trace chat=chat.csv --trace code=code.csv -o json"), 0) << err();
  EXPECT_NE(out().find(R"("services":[{"service":"chat","policy":"slo","trace":"chat.csv")"), std::string::npos)
      << out();
  EXPECT_NE(out().find(R"({"service":"code","policy":"static")"), std::string::npos) << out();
  EXPECT_NE(out().find(R"("requests":243)"), std::string::npos) << out();
  EXPECT_NE(run("simulate --config tidegate.yaml --trace chat.csv"), 0);
  EXPECT_NE(err().find("SERVICE=FILE"), std::string::npos) << err();
  EXPECT_NE(run("simulate --config tidegate.yaml --trace chat=chat.csv --trace code=code.csv --report both.html"), 0);
  EXPECT_NE(err().find("--report shows one service"), std::string::npos) << err();
}

TEST_F(Program, simulate_writes_a_report) {
  const std::string arguments = "simulate --generate constant:rate=4,length=10m --report run.html";
  EXPECT_EQ(run(arguments), 0) << err();
  EXPECT_NE(read(folder_ / "run.html").find("<svg"), std::string::npos);
  EXPECT_NE(run("simulate --generate constant:rate=4,length=10m --report nowhere/run.html"), 0);
  EXPECT_NE(err().find("nowhere/run.html"), std::string::npos) << err();
}

TEST_F(Program, simulate_says_when_the_objective_is_missed) {
  const std::string arguments = "simulate --generate constant:rate=20,length=10m --policy '{static: {replicas: 1}}'";
  EXPECT_EQ(run(arguments), 0) << err();
  EXPECT_NE(out().find("service"), std::string::npos);
  EXPECT_EQ(run(arguments + " --require"), 99);
}

TEST_F(Program, simulate_refuses_what_it_does_not_understand) {
  EXPECT_EQ(run("simulate"), 2);
  EXPECT_EQ(run("simulate --generate tide:rate=1"), 1);
  EXPECT_NE(err().find("diurnal"), std::string::npos) << err();
  EXPECT_EQ(run("simulate --generate constant:rate=1 --policy nonsense"), 2);
  EXPECT_NE(err().find("nonsense"), std::string::npos) << err();
  EXPECT_EQ(run("simulate --generate constant:rate=1 --replica slots=none"), 2);
  EXPECT_NE(run("simulate --trace nowhere.csv"), 0);
}

}  // namespace
