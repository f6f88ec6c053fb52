// The process target with real processes, which serve, load, fail and refuse to die as they are told.
#include "edge/targets/process_target.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <functional>
#include <set>
#include <thread>

#include "edge/machine/file_descriptor.h"
#include "edge/machine/system_clock.h"
#include "edge/targets/process_table.h"

extern "C" char** environ;

namespace tidegate {
namespace {

constexpr Duration patience = 30s;

// A port the kernel says is free; ranges begin there.
std::int32_t some_port() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return std::min<std::int32_t>(ntohs(address.sin_port), 65000);
}

class ProcessTargetTest : public testing::Test {
 protected:
  void SetUp() override {
    machine_.port_first = some_port();
    machine_.port_last = machine_.port_first + 99;
    machine_.gpus = std::vector<GpuSpec>{{.index = 0}, {.index = 1}};
  }
  void TearDown() override {
    if (!target_) open();
    if (!target_) return;
    EXPECT_TRUE(target_->stop_all(patience)) << "every replica can be stopped";
    target_.reset();
    state_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    auto state = StateDirectory::open(folder_);
    ASSERT_TRUE(state) << state.error().message;
    state_.emplace(std::move(*state));
    auto target = ProcessTarget::open(*state_, machine_, clock_);
    ASSERT_TRUE(target) << target.error().message;
    target_ = std::move(*target);
  }

  static ServiceSpec service(std::vector<std::string> arguments, const std::string& name = "chat") {
    ProcessTargetSpec process{.command = {TEST_SERVER, "--port", "{port}"}};
    process.command.insert(process.command.end(), arguments.begin(), arguments.end());
    process.ready.period = 20ms;
    ServiceSpec spec{.name = name};
    spec.pools = {PoolSpec{.target = process}};
    return spec;
  }
  static ProcessTargetSpec& process(ServiceSpec& spec) { return std::get<ProcessTargetSpec>(spec.pools[0].target); }

  void order(int replicas, const std::string& name = "chat") {
    target_->order(name, {{.pool = "default", .replicas = Replicas{replicas}}});
  }

  // Looks until the condition holds; what look() hands out only once is kept in events_ and cold_starts_.
  bool until(const std::function<bool(const TargetView&)>& condition) {
    const Instant deadline = clock_.now() + patience;
    while (clock_.now() < deadline) {
      view_ = target_->look();
      events_.insert(events_.end(), view_.events.begin(), view_.events.end());
      for (const auto& [name, starts] : view_.cold_starts) cold_starts_ += starts.size();
      if (condition(view_)) return true;
      std::this_thread::sleep_for(5ms);
    }
    for (const auto& replica : view_.replicas)
      ADD_FAILURE() << replica.id << " " << to_text(replica.state) << " " << replica.detail;
    return false;
  }
  static long count(const TargetView& view, ReplicaState state) {
    return std::ranges::count(view.replicas, state, &Replica::state);
  }
  bool until_ready(int replicas) {
    return until([=](const TargetView& view) { return count(view, ReplicaState::ready) == replicas; });
  }
  const TargetEvent* event(Reason reason) const {
    const auto found = std::ranges::find(events_, reason, &TargetEvent::reason);
    return found == events_.end() ? nullptr : &*found;
  }
  bool until_event(Reason reason) {
    return until([&](const TargetView&) { return event(reason) != nullptr; });
  }

  const SystemClock clock_;
  const std::string folder_ =
      testing::TempDir() +
      fmt::format("process_target_{}_{}", ::getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
  MachineSpec machine_;
  std::optional<StateDirectory> state_;
  std::unique_ptr<ProcessTarget> target_;
  TargetView view_;
  std::vector<TargetEvent> events_;
  std::size_t cold_starts_ = 0;
};

TEST_F(ProcessTargetTest, StartsLoadsServesAndDrains) {
  open();
  auto spec = service({"--loading", "700", "--model", "tide", "--show", "CUDA_VISIBLE_DEVICES"});
  process(spec).ready.model = "tide";
  spec.pools[0].gpus = 1;
  target_->configure({spec});
  order(2);
  ASSERT_TRUE(until([](const TargetView& view) { return count(view, ReplicaState::loading) > 0; }));
  EXPECT_FALSE(std::ranges::find(view_.replicas, ReplicaState::loading, &Replica::state)->detail.empty())
      << "it says what it waits for";
  ASSERT_TRUE(until_ready(2));
  EXPECT_EQ(cold_starts_, 2U);
  EXPECT_EQ(view_.available["chat"]["default"], 0);
  EXPECT_NE(view_.replicas[0].gpus, view_.replicas[1].gpus);
  const auto log = target_->log_tail(view_.replicas[0].id, 5);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->at(0), fmt::format("CUDA_VISIBLE_DEVICES={}", view_.replicas[0].gpus[0]));

  // The one with requests stays; the other drains only when it is known to be empty.
  const auto busy = view_.replicas[0].id, idle = view_.replicas[1].id;
  target_->in_flight({{busy, 3}, {idle, 0}});
  order(1);
  ASSERT_TRUE(until([](const TargetView& view) { return count(view, ReplicaState::draining) == 1; }));
  target_->in_flight({{busy, 3}, {idle, 1}});
  EXPECT_EQ(std::ranges::find(view_.replicas, idle, &Replica::id)->state, ReplicaState::draining);
  target_->in_flight({{busy, 3}, {idle, 0}});
  target_->in_flight({{busy, 3}, {idle, 0}});
  ASSERT_TRUE(until([](const TargetView& view) { return view.replicas.size() == 1; }));
  EXPECT_EQ(view_.replicas[0].id, busy);
}

TEST_F(ProcessTargetTest, NamesWhatIsWrongAndLeavesOthersAlone) {
  open();
  auto missing = service({}, "missing");
  process(missing).command[0] = "no-such-model-server";
  auto unwritable = service({}, "unwritable");
  process(unwritable).log_directory = "/proc/nowhere";
  auto secret = service({}, "secret");
  process(secret).environment["KEY"] = EnvRef{"TIDEGATE_TEST_UNSET"};
  auto crashing = service({"--say", "CUDA out of memory", "--exit", "7"}, "crashing");
  target_->configure({missing, unwritable, secret, crashing, service({})});
  for (const char* name : {"missing", "unwritable", "secret", "crashing", "chat"}) order(1, name);
  const auto said = [&](const char* name, const char* what) {
    return std::ranges::any_of(events_, [&](const TargetEvent& each) {
      return each.service == name && each.reason == Reason::start_failed && each.message.contains(what);
    });
  };
  EXPECT_TRUE(until([&](const TargetView& view) {
    return count(view, ReplicaState::ready) == 1 && said("missing", "not found in PATH") &&
           said("unwritable", "log directory") && said("secret", "TIDEGATE_TEST_UNSET is not set") &&
           said("crashing", "exited with status 7") && said("crashing", "CUDA out of memory");
  }));
}

TEST_F(ProcessTargetTest, StopsOneThatNeverGetsReady) {
  open();
  auto spec = service({"--loading", "3600000", "--ignore-term"});
  process(spec).ready.deadline = 200ms;
  process(spec).kill_after = 100ms;
  target_->configure({spec});
  order(1);
  ASSERT_TRUE(until_event(Reason::start_failed));
  EXPECT_TRUE(event(Reason::start_failed)->message.contains("not ready within 200ms")) << events_[0].message;
  EXPECT_TRUE(event(Reason::start_failed)->message.contains("503")) << events_[0].message;
}

TEST_F(ProcessTargetTest, RestartsACrashedReplicaUnderItsName) {
  open();
  target_->configure({service({})});
  order(1);
  ASSERT_TRUE(until_ready(1));
  const auto before = view_.replicas[0];
  ASSERT_EQ(::kill(static_cast<pid_t>(before.pid), SIGKILL), 0);
  ASSERT_TRUE(until_event(Reason::replica_unhealthy));
  EXPECT_TRUE(event(Reason::replica_unhealthy)->message.contains("killed by signal 9")) << events_.back().message;
  ASSERT_TRUE(until_ready(1));
  EXPECT_EQ(view_.replicas[0].id, before.id);
  EXPECT_NE(view_.replicas[0].pid, before.pid);
}

TEST_F(ProcessTargetTest, SecondReplicaTakesAnotherPortWhenOneIsTaken) {
  open();
  const FileDescriptor other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(machine_.port_first));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(other.get(), 1), 0);
  target_->configure({service({})});
  order(1);
  ASSERT_TRUE(until_ready(1));
  EXPECT_NE(view_.replicas[0].port, machine_.port_first);
}

TEST_F(ProcessTargetTest, RollsANewRevisionOutAndKeepsTheOldWhenItFails) {
  open();
  target_->configure({service({})});
  order(1);
  ASSERT_TRUE(until_ready(1));
  const auto old = view_.replicas[0];

  target_->configure({service({"--say", "no such model", "--exit", "1"})});
  ASSERT_TRUE(until_event(Reason::rollout_failed));
  EXPECT_TRUE(event(Reason::rollout_failed)->message.contains("| no such model"));
  ASSERT_TRUE(until([](const TargetView& view) { return view.replicas.size() == 1 && !view.rollouts.at("chat"); }));
  EXPECT_EQ(view_.replicas[0].id, old.id);
  EXPECT_EQ(view_.replicas[0].state, ReplicaState::ready);

  auto good = service({"--model", "other"});
  process(good).drain_deadline = 50ms;
  target_->configure({good});
  EXPECT_TRUE(until([&](const TargetView& view) {
    // Never without a replica that takes requests.
    EXPECT_GE(count(view, ReplicaState::ready), 1);
    return view.replicas.size() == 1 && view.replicas[0].id != old.id;
  }));
}

class KilledController : public ProcessTargetTest {
 protected:
  pid_t start_controller(int replicas) {
    const std::string first = fmt::format("{}", machine_.port_first), number = fmt::format("{}", replicas);
    std::vector<std::string> words = {TEST_CONTROLLER, folder_, TEST_SERVER, first, number};
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t pid = 0;
    EXPECT_EQ(::posix_spawn(&pid, TEST_CONTROLLER, nullptr, nullptr, argv.data(), environ), 0);
    return pid;
  }
  void kill_controller(pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  std::set<std::int64_t> living() const {
    std::set<std::int64_t> pids;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto name = entry.path().filename().string();
      if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
      const auto command = read_file("/proc/" + name + "/cmdline", 1 << 20);
      const auto environment = read_file("/proc/" + name + "/environ", 4 << 20);
      if (command && environment && command->starts_with(TEST_SERVER) && process_start_time(std::stol(name)) &&
          std::ranges::any_of(ports(), [&](int port) {
            return command->contains(std::string("--port") + char(0) + std::to_string(port) + char(0));
          }))
        pids.insert(std::stol(name));
    }
    return pids;
  }
  std::vector<int> ports() const {
    std::vector<int> all;
    for (int port = machine_.port_first; port <= machine_.port_last; ++port) all.push_back(port);
    return all;
  }
};

TEST_F(KilledController, ItsReplicasAreAdoptedReadyAtOnceAndNoneDoubled) {
  const pid_t controller = start_controller(3);
  const Instant deadline = clock_.now() + patience;
  const auto records_ready = [&] {
    int ready = 0;
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/replicas", code))
      if (const auto text = read_file(entry.path().string(), 1 << 20); text && text->contains("\"ready\"")) ++ready;
    return ready == 3;
  };
  while (!records_ready() && clock_.now() < deadline) std::this_thread::sleep_for(5ms);
  ASSERT_TRUE(records_ready());
  const auto refused = StateDirectory::open(folder_);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.contains(fmt::format("process {}", controller)));
  kill_controller(controller);
  const auto before = living();
  ASSERT_EQ(before.size(), 3U);

  open();
  EXPECT_EQ(count(target_->look(), ReplicaState::ready), 3) << "before anything is configured or ordered";
  target_->configure({service({})});
  order(3);
  ASSERT_TRUE(until_ready(3));
  EXPECT_EQ(living(), before);
  // An adopted replica is watched although it is nobody's child here.
  ASSERT_EQ(::kill(static_cast<pid_t>(*before.begin()), SIGKILL), 0);
  EXPECT_TRUE(until_event(Reason::replica_unhealthy));
}

TEST_F(KilledController, KilledAtAnyMomentOfStartingNothingIsLostOrDoubled) {
  for (int round = 0; round < 12; ++round) {
    const pid_t controller = start_controller(4);
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 9 * round));  // the moment varies, the claim does not
    kill_controller(controller);
    open();
    std::set<std::int64_t> adopted;
    for (const auto& replica : target_->look().replicas) adopted.insert(replica.pid);
    EXPECT_EQ(adopted, living()) << "round " << round;
    ASSERT_TRUE(target_->stop_all(patience));
    EXPECT_TRUE(living().empty()) << "round " << round;
    target_.reset();
    state_.reset();
  }
}

}  // namespace
}  // namespace tidegate
