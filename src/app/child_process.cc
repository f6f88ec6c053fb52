#include "app/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

extern "C" char** environ;

namespace tidegate {
namespace {

namespace fs = std::filesystem;

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (auto& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

// Between fork and exec only what is safe after a fork of a program with threads.
[[noreturn]] void become(char* const* command, char* const* environment, const char* output, const char* log,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // it ended before we asked
  ::setsid();
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  constexpr int flags = O_WRONLY | O_CREAT | O_APPEND;
  const int in = ::open("/dev/null", O_RDONLY), out = ::open(output, flags, 0600), err = ::open(log, flags, 0600);
  if (in < 0 || out < 0 || err < 0) ::_exit(127);
  ::dup2(in, 0), ::dup2(out, 1), ::dup2(err, 2);
  ::execve(command[0], command, environment);
  ::_exit(127);
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const ChildOptions& options) {
  auto command = options.command;
  std::vector<std::string> environment = options.environment;
  for (char** one = environ; *one != nullptr; ++one) environment.emplace_back(*one);
  const auto words = pointers(command), variables = pointers(environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(ErrorKind::failed, fmt::format("cannot start {}: {}", command[0], std::strerror(errno)));
  if (pid == 0) become(words.data(), variables.data(), options.output.c_str(), options.log.c_str(), parent);
  return ChildProcess{pid};
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), ended_(other.ended_), status_(other.status_) {}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) end(10s);
}

bool ChildProcess::runs() {
  if (ended_) return false;
  int status = 0;
  const pid_t found = ::waitpid(pid_, &status, WNOHANG);
  if (found == 0) return true;
  ended_ = true;
  status_ = found == pid_ && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return false;
}

void ChildProcess::signal(int number) const {
  if (!ended_) ::kill(pid_, number);
}

void ChildProcess::end(Duration within) {
  signal(SIGTERM);
  signal(SIGCONT);  // a stopped one would not hear it
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (runs() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(20ms);
  if (!runs()) return;
  signal(SIGKILL);
  while (runs()) std::this_thread::sleep_for(20ms);
}

std::string this_program() {
  std::error_code problem;
  return fs::read_symlink("/proc/self/exe", problem).string();
}

int sweep(const std::string& marker) {
  int found = 0;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator{"/proc", problem}) {
    const auto name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc{} || end != name.data() + name.size() || pid == ::getpid()) continue;
    std::ifstream file{entry.path() / "environ", std::ios::binary};
    const std::string variables{std::istreambuf_iterator<char>{file}, {}};
    if (!variables.starts_with(marker) && variables.find('\0' + marker) == std::string::npos) continue;
    if (::kill(pid, SIGKILL) == 0) ++found;
  }
  return found;
}

}  // namespace tidegate
