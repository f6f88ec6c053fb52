#include "edge/targets/process_target.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <mutex>
#include <set>
#include <thread>

#include "core/base/check.h"
#include "edge/machine/gpu_inventory.h"
#include "edge/machine/secret_value.h"
#include "edge/targets/log_file.h"
#include "edge/targets/process_plan.h"
#include "edge/targets/process_table.h"
#include "edge/targets/readiness_probe.h"
#include "edge/targets/replica_record.h"
#include "edge/targets/spawn.h"

namespace tidegate {

namespace {

constexpr Duration gpu_period = 2s;
constexpr Duration log_period = 10s;
constexpr std::size_t log_tail_lines = 20;
constexpr std::size_t old_logs_max = 20;  // of each pool

std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  CHECK(::getrandom(&bits, sizeof bits, 0) == sizeof bits);
  return bits;
}

int open_pidfd(std::int64_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)); }

std::string replace_all(std::string text, std::string_view name, std::string_view value) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
    text.replace(at, name.size(), value);
  return text;
}

std::string gpu_list(const std::vector<std::int32_t>& gpus) {
  std::string text;
  for (const auto index : gpus) text += fmt::format("{}{}", text.empty() ? "" : ",", index);
  return text;
}

Result<std::map<std::string, std::string>> resolve_all(const std::map<std::string, Value>& values) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : values) {
    auto text = resolve(value);
    if (!text) return fail(text.error().kind, fmt::format("{}: {}", name, text.error().message));
    texts.emplace(name, std::move(*text));
  }
  return texts;
}

}  // namespace

class ProcessTarget::Loop {
 public:
  Loop(std::string records, std::string logs, const MachineSpec& machine, const Clock& clock)
      : records_folder_(std::move(records)),
        logs_folder_(std::move(logs)),
        machine_(machine),
        clock_(clock),
        inventory_(machine),
        plan_(random_bits()),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        next_port_(machine.port_first) {
    CHECK(epoll_.is_open() && wake_.is_open());
    watch(wake_.get(), EPOLLIN, {Watch::wake, {}});
  }

  ~Loop() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_up();
    thread_.join();
  }

  void adopt_all();
  void start_thread() {
    thread_ = std::thread([this] { run(); });
  }

  // Calls a function on the plan under the lock, then has the thread look again.
  template <class Function>
  auto with_plan(Function function) {
    std::unique_lock lock(mutex_);
    if constexpr (std::is_void_v<decltype(function(plan_))>) {
      function(plan_);
      lock.unlock();
      wake_up();
    } else {
      auto answer = function(plan_);
      lock.unlock();
      wake_up();
      return answer;
    }
  }

  [[nodiscard]] TargetView look() {
    const std::lock_guard lock(mutex_);
    return plan_.look();
  }
  [[nodiscard]] Instant now() const { return clock_.now(); }
  [[nodiscard]] std::string log_path(const std::string& replica) const;
  [[nodiscard]] bool wait_until_empty(Duration within);

 private:
  struct Watch {
    enum Kind : std::uint8_t { wake, process, probe } kind;
    std::string replica;
  };
  struct Process {
    FileDescriptor pidfd;
    std::uint64_t token = 0;
  };
  struct Probe {
    ReadinessProbe probe;
    std::uint64_t token = 0;
  };

  void run();
  void perform(const Action& action);
  void start(const StartOrder& order);
  [[nodiscard]] Result<SpawnSpec> prepare(const StartOrder& order, ReplicaRecord& record);
  void begin_probe(const StartOrder& order);
  void advance_probe(const std::string& id);
  void watch_process(const std::string& id, std::int64_t pid);
  void process_ended(const std::string& id);
  void signal_group(const std::string& id, int signal);
  void forget(const Replica& replica);
  void remember(const Replica& replica);
  void read_gpus();
  void bound_logs();
  void wait();
  void handle(const Watch& watch);
  std::uint64_t watch(int fd, std::uint32_t events, Watch what);
  void unwatch(int fd, std::uint64_t token);
  void wake_up() const {
    const std::uint64_t one = 1;
    // It fails only when the counter is full, and then the thread wakes anyway.
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  }
  template <class Function>
  void tell(Function function) {
    const std::lock_guard lock(mutex_);
    function(plan_);
    changed_.notify_all();
  }

  const std::string records_folder_, logs_folder_;
  const MachineSpec machine_;
  const Clock& clock_;
  const GpuInventory inventory_;

  mutable std::mutex mutex_;  // guards the next five
  std::condition_variable changed_;
  ProcessPlan plan_;
  std::map<std::string, std::string> log_paths_;  // of living replicas
  std::set<std::string> log_folders_;             // every folder logs were written to
  bool stopping_ = false;

  // Of the thread alone.
  FileDescriptor epoll_, wake_;
  std::uint64_t tokens_ = 0;
  std::map<std::uint64_t, Watch> watches_;
  std::map<std::string, Process> processes_;
  std::map<std::string, Probe> probes_;
  std::map<std::string, ReplicaRecord> records_;
  std::int32_t next_port_;
  Instant gpus_at_{}, logs_at_{};
  std::string gpu_problem_;
  std::thread thread_;
};

std::uint64_t ProcessTarget::Loop::watch(int fd, std::uint32_t events, Watch what) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = ++tokens_;
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
  watches_.emplace(tokens_, std::move(what));
  return tokens_;
}

void ProcessTarget::Loop::unwatch(int fd, std::uint64_t token) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  watches_.erase(token);
}

void ProcessTarget::Loop::adopt_all() {
  auto recovery = recover(records_folder_);
  for (auto& problem : recovery.problems)
    plan_.report({.at = now(), .reason = Reason::target_error, .message = std::move(problem)});
  for (auto& record : recovery.living) {
    const std::string id = record.replica.id;
    if (record.replica.state == ReplicaState::requested) record.replica.state = ReplicaState::starting;
    watch_process(id, record.replica.pid);
    log_paths_[id] = record.log_path;
    log_folders_.insert(std::filesystem::path(record.log_path).parent_path().string());
    records_[id] = record;
    plan_.adopt({.replica = record.replica, .gpu_memory = record.gpu_memory}, now());
    remember(record.replica);
  }
}

void ProcessTarget::Loop::run() {
  // Signals are the main thread's business.
  sigset_t every;
  ::sigfillset(&every);
  ::pthread_sigmask(SIG_BLOCK, &every, nullptr);
  while (true) {
    if (now() >= gpus_at_ + gpu_period) read_gpus();
    if (now() >= logs_at_ + log_period) bound_logs();
    std::vector<Action> actions;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      actions = plan_.step(now());
      changed_.notify_all();
    }
    for (const auto& action : actions) perform(action);
    if (actions.empty()) wait();
  }
}

void ProcessTarget::Loop::wait() {
  Instant until = std::min(gpus_at_ + gpu_period, logs_at_ + log_period);
  {
    const std::lock_guard lock(mutex_);
    until = std::min(until, plan_.wakes_at());
  }
  for (const auto& [id, entry] : probes_) until = std::min(until, entry.probe.deadline());
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(Duration{}, until - now()));
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), static_cast<int>(left.count()));
  for (int i = 0; i < count; ++i) {
    // An earlier event of this round may have ended this watch.
    const auto found = watches_.find(events[static_cast<std::size_t>(i)].data.u64);
    if (found != watches_.end()) handle(Watch(found->second));
  }
  std::vector<std::string> overdue;
  for (const auto& [id, entry] : probes_)
    if (now() >= entry.probe.deadline()) overdue.push_back(id);
  for (const auto& id : overdue) advance_probe(id);
}

void ProcessTarget::Loop::handle(const Watch& watch) {
  switch (watch.kind) {
    case Watch::wake: {
      std::uint64_t count = 0;
      [[maybe_unused]] const auto drained = ::read(wake_.get(), &count, sizeof count);
      return;
    }
    case Watch::process:
      return process_ended(watch.replica);
    case Watch::probe:
      return advance_probe(watch.replica);
  }
}

void ProcessTarget::Loop::perform(const Action& action) {
  const Replica& replica = action.order.replica;
  switch (action.effort) {
    case Effort::start:
      return start(action.order);
    case Effort::probe:
      return begin_probe(action.order);
    case Effort::terminate:
      return signal_group(replica.id, SIGTERM);
    case Effort::kill:
      return signal_group(replica.id, SIGKILL);
    case Effort::remember:
      return remember(replica);
    case Effort::forget:
      return forget(replica);
  }
}

Result<SpawnSpec> ProcessTarget::Loop::prepare(const StartOrder& order, ReplicaRecord& record) {
  const auto& spec = order.spec;
  Replica& replica = record.replica;
  if (spec.command.empty()) return fail(ErrorKind::invalid, "the command is empty");
  std::vector<std::uint16_t> taken;
  for (const auto& [id, other] : records_) taken.push_back(other.replica.port);
  const auto port = free_port(machine_.port_first, machine_.port_last, next_port_, taken);
  if (!port) return std::unexpected(port.error());
  next_port_ = *port >= machine_.port_last ? machine_.port_first : *port + 1;
  replica.port = *port;
  replica.host = "127.0.0.1";

  const std::string folder = spec.log_directory.empty() ? logs_folder_ : spec.log_directory;
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code)
    return fail(ErrorKind::failed,
                fmt::format("cannot create the log directory {}: {}; correct log_directory", folder, code.message()));
  record.log_path = folder + "/" + replica.id + ".log";

  auto environment = resolve_all(spec.environment);
  if (!environment) return std::unexpected(environment.error());
  const std::string gpus = gpu_list(replica.gpus);
  SpawnSpec process{
      .environment = std::move(*environment), .working_directory = spec.working_directory, .log_path = record.log_path};
  process.environment[replica_mark] = record.nonce;
  if (!gpus.empty()) {
    process.environment["CUDA_VISIBLE_DEVICES"] = gpus;
    process.environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";  // the driver's numbering, which is ours
  }
  for (std::string word : spec.command) {
    word = replace_all(std::move(word), "{port}", fmt::format("{}", *port));
    word = replace_all(std::move(word), "{gpu}", gpus);
    process.command.push_back(replace_all(std::move(word), "{weights}", spec.weights));
  }
  return process;
}

void ProcessTarget::Loop::start(const StartOrder& order) {
  const std::string& id = order.replica.id;
  ReplicaRecord record{.replica = order.replica,
                       .gpu_memory = order.gpu_memory,
                       .nonce = fmt::format("{}-{:016x}", id, random_bits()),
                       .boot_id = boot_id()};
  const auto refuse = [&](const std::string& message) {
    records_.erase(id);
    remove_record(records_folder_, id);
    tell([&](ProcessPlan& plan) { plan.start_failed(id, message, now()); });
  };
  auto process = prepare(order, record);
  if (!process) return refuse(process.error().message);
  // The intent lies on the disk before the process exists, so no crash can lose it.
  if (const auto written = write_record(records_folder_, record); !written)
    return refuse(
        fmt::format("{}; free space or correct the permissions of the state directory", written.error().message));
  const auto pid = spawn(*process);
  if (!pid) return refuse(pid.error().message);

  record.replica.pid = *pid;
  record.start_time = process_start_time(*pid).value_or(0);
  records_[id] = record;
  // Should this fail, the intent still names the process by its mark.
  if (const auto written = write_record(records_folder_, record); !written)
    tell([&](ProcessPlan& plan) {
      plan.report({.at = now(),
                   .service = record.replica.service,
                   .replica = id,
                   .reason = Reason::target_error,
                   .message = written.error().message});
    });
  watch_process(id, *pid);
  tell([&](ProcessPlan& plan) {
    log_paths_[id] = record.log_path;
    log_folders_.insert(std::filesystem::path(record.log_path).parent_path().string());
    plan.started(id, *pid, record.replica.port, now());
  });
}

void ProcessTarget::Loop::begin_probe(const StartOrder& order) {
  const std::string& id = order.replica.id;
  if (probes_.contains(id)) return;
  auto headers = resolve_all(order.spec.ready.headers);
  if (!headers) {
    tell([&](ProcessPlan& plan) {
      plan.probed(id, {Readiness::refused, "cannot ask whether it is ready: " + headers.error().message}, now());
    });
    return;
  }
  probes_.emplace(id, Probe{ReadinessProbe(order.spec.ready, std::move(*headers), order.replica.port, now())});
  auto& entry = probes_.at(id);
  entry.token = watch(entry.probe.fd(), EPOLLOUT, {Watch::probe, id});
}

void ProcessTarget::Loop::advance_probe(const std::string& id) {
  const auto found = probes_.find(id);
  if (found == probes_.end()) return;
  auto& entry = found->second;
  // The probe may close its socket and open another: the watch is renewed around every step.
  unwatch(entry.probe.fd(), entry.token);
  const auto answer = entry.probe.advance(now());
  if (!answer) {
    entry.token = watch(entry.probe.fd(), entry.probe.wants_write() ? EPOLLOUT : EPOLLIN, {Watch::probe, id});
    return;
  }
  probes_.erase(found);
  tell([&](ProcessPlan& plan) { plan.probed(id, *answer, now()); });
}

void ProcessTarget::Loop::watch_process(const std::string& id, std::int64_t pid) {
  Process process{.pidfd = FileDescriptor(open_pidfd(pid))};
  // A child that ended stays a zombie until we ask, so only an adopted one can be gone already.
  if (!process.pidfd.is_open()) process.pidfd = FileDescriptor(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  process.token = watch(process.pidfd.get(), EPOLLIN, {Watch::process, id});
  processes_.insert_or_assign(id, std::move(process));
}

void ProcessTarget::Loop::process_ended(const std::string& id) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  // Workers it left behind would keep its GPU. Killed before the leader is reaped: its pid, and with it the group's
  // number, cannot be another's until then.
  signal_group(id, SIGKILL);
  siginfo_t ended{};
  const auto fd = static_cast<id_t>(found->second.pidfd.get());
  const bool is_child = ::waitid(P_PIDFD, fd, &ended, WEXITED | WNOHANG) == 0 && ended.si_pid != 0;
  const std::string how =
      is_child ? exit_text(ended.si_code, ended.si_status) : "ended (started by an earlier controller)";
  unwatch(found->second.pidfd.get(), found->second.token);
  processes_.erase(found);
  const auto record = records_.find(id);
  const std::string log = record == records_.end() ? std::string() : record->second.log_path;
  const auto tail = log.empty() ? std::vector<std::string>{} : read_log_tail(log, log_tail_lines);
  tell([&](ProcessPlan& plan) { plan.exited(id, how, tail, now()); });
}

void ProcessTarget::Loop::signal_group(const std::string& id, int signal) {
  const auto record = records_.find(id);
  if (record == records_.end() || record->second.replica.pid <= 1 || !processes_.contains(id)) return;
  ::kill(-static_cast<pid_t>(record->second.replica.pid), signal);
}

void ProcessTarget::Loop::remember(const Replica& replica) {
  const auto record = records_.find(replica.id);
  if (record == records_.end()) return;
  record->second.replica = replica;
  const auto written = write_record(records_folder_, record->second);
  if (written) return;
  tell([&](ProcessPlan& plan) {
    plan.report({.at = now(),
                 .service = replica.service,
                 .replica = replica.id,
                 .reason = Reason::target_error,
                 .message = written.error().message});
  });
}

void ProcessTarget::Loop::forget(const Replica& replica) {
  const std::string& id = replica.id;
  const auto record = records_.find(id);
  const std::string log = record == records_.end() ? std::string() : record->second.log_path;
  records_.erase(id);
  remove_record(records_folder_, id);
  if (const auto probe = probes_.find(id); probe != probes_.end()) {
    unwatch(probe->second.probe.fd(), probe->second.token);
    probes_.erase(probe);
  }
  std::vector<std::string> in_use;
  {
    const std::lock_guard lock(mutex_);
    log_paths_.erase(id);
    for (const auto& [other, path] : log_paths_) in_use.push_back(other);
  }
  if (log.empty()) return;
  prune_logs(std::filesystem::path(log).parent_path().string(), replica.service + "-" + replica.pool + "-", in_use,
             old_logs_max);
}

void ProcessTarget::Loop::read_gpus() {
  gpus_at_ = now();
  auto readings = inventory_.read();
  if (!readings) {
    // The last view stays: it may be old, yet an empty one would stop every start.
    if (gpu_problem_ != readings.error().message)
      tell([&](ProcessPlan& plan) {
        plan.report({.at = now(), .reason = Reason::target_error, .message = readings.error().message});
      });
    gpu_problem_ = readings.error().message;
    return;
  }
  gpu_problem_.clear();
  std::vector<std::int64_t> ours;
  std::vector<std::int32_t> placed;
  for (const auto& [id, record] : records_) {
    ours.push_back(record.replica.pid);
    placed.insert(placed.end(), record.replica.gpus.begin(), record.replica.gpus.end());
  }
  std::vector<Gpu> gpus;
  for (const auto& reading : *readings) {
    const bool has_ours = std::ranges::find(placed, reading.index) != placed.end();
    // In a container the driver may name pids that are not visible here; on a GPU of ours they are taken as ours.
    const bool foreign = std::ranges::any_of(reading.processes, [&](const GpuProcess& process) {
      const auto session = session_of(process.pid);
      return session ? std::ranges::find(ours, *session) == ours.end() : !has_ours;
    });
    gpus.push_back({.index = reading.index, .memory = reading.memory_total, .foreign = foreign});
  }
  tell([&](ProcessPlan& plan) { plan.gpus(std::move(gpus)); });
}

void ProcessTarget::Loop::bound_logs() {
  logs_at_ = now();
  for (const auto& [id, record] : records_) {
    const auto bounded = bound_log(record.log_path);
    if (bounded) continue;
    tell([&](ProcessPlan& plan) {
      plan.report({.at = now(),
                   .service = record.replica.service,
                   .replica = id,
                   .reason = Reason::target_error,
                   .message = bounded.error().message});
    });
  }
}

std::string ProcessTarget::Loop::log_path(const std::string& replica) const {
  const std::lock_guard lock(mutex_);
  const auto known = log_paths_.find(replica);
  if (known != log_paths_.end()) return known->second;
  // Of one that is gone, as long as its log is kept.
  std::error_code code;
  for (const auto& folder : log_folders_)
    if (std::string path = folder + "/" + replica + ".log"; std::filesystem::exists(path, code)) return path;
  return logs_folder_ + "/" + replica + ".log";
}

bool ProcessTarget::Loop::wait_until_empty(Duration within) {
  with_plan([this](ProcessPlan& plan) { plan.stop_all(now()); });
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, within, [this] { return plan_.is_empty(); });
}

ProcessTarget::ProcessTarget(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
ProcessTarget::~ProcessTarget() = default;

Result<std::unique_ptr<ProcessTarget>> ProcessTarget::open(const StateDirectory& state, const MachineSpec& machine,
                                                           const Clock& clock) {
  const auto records = state.folder("replicas");
  if (!records) return std::unexpected(records.error());
  const auto logs = state.folder("logs");
  if (!logs) return std::unexpected(logs.error());
  if (machine.port_first < 1 || machine.port_last > 65535 || machine.port_first > machine.port_last)
    return fail(ErrorKind::invalid, fmt::format("the machine's ports {} to {} are no range between 1 and 65535",
                                                machine.port_first, machine.port_last));
  auto loop = std::make_unique<Loop>(*records, *logs, machine, clock);
  loop->adopt_all();
  loop->start_thread();
  return std::unique_ptr<ProcessTarget>(new ProcessTarget(std::move(loop)));
}

void ProcessTarget::configure(const std::vector<ServiceSpec>& services) {
  loop_->with_plan([&](ProcessPlan& plan) { plan.configure(services, loop_->now()); });
}

void ProcessTarget::order(const std::string& service, const std::vector<Order>& pools) {
  loop_->with_plan([&](ProcessPlan& plan) { plan.order(service, pools); });
}

void ProcessTarget::in_flight(const std::map<std::string, std::int64_t>& by_replica) {
  loop_->with_plan([&](ProcessPlan& plan) { plan.in_flight(by_replica); });
}

Result<void> ProcessTarget::restart(const std::string& service) {
  return loop_->with_plan([&](ProcessPlan& plan) { return plan.restart(service); });
}

TargetView ProcessTarget::look() { return loop_->look(); }

Result<std::vector<std::string>> ProcessTarget::log_tail(const std::string& replica, std::size_t lines) const {
  // An id comes from outside: it must not lead out of the folder of logs.
  if (replica.empty() || replica.contains('/') || replica.starts_with('.'))
    return fail(ErrorKind::not_found, fmt::format("no replica is called {}", replica));
  const std::string path = loop_->log_path(replica);
  std::error_code code;
  if (!std::filesystem::exists(path, code))
    return fail(ErrorKind::not_found, fmt::format("no log of a replica called {}", replica));
  return read_log_tail(path, lines);
}

bool ProcessTarget::stop_all(Duration within) { return loop_->wait_until_empty(within); }

}  // namespace tidegate
