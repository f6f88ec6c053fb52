#include "edge/kubernetes/captured_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include "edge/machine/file_descriptor.h"

extern "C" char** environ;

namespace tidegate {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr int poll_slice_ms = 50;  // how soon a stop or the end of the program is noticed
constexpr std::size_t talk_kept = 2000;

struct OutputPipe {
  FileDescriptor read, write;
};

std::optional<OutputPipe> open_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  return OutputPipe{FileDescriptor{ends[0]}, FileDescriptor{ends[1]}};
}

std::vector<std::string> environment_of(const ProgramCall& call) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::ranges::none_of(call.environment, [&](const auto& ours) { return ours.first == name; }))
      all.emplace_back(text);
  }
  for (const auto& [name, value] : call.environment) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> argument_pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

struct SpawnChoices {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  SpawnChoices() { ::posix_spawnattr_init(&attributes), ::posix_spawn_file_actions_init(&actions); }
  SpawnChoices(const SpawnChoices&) = delete;
  SpawnChoices& operator=(const SpawnChoices&) = delete;
  ~SpawnChoices() { ::posix_spawn_file_actions_destroy(&actions), ::posix_spawnattr_destroy(&attributes); }
};

Result<pid_t> start(const ProgramCall& call, int output, int talk) {
  SpawnChoices choices;
  sigset_t every, none;
  ::sigfillset(&every), ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&choices.attributes, &every);
  ::posix_spawnattr_setsigmask(&choices.attributes, &none);
  ::posix_spawnattr_setflags(&choices.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  ::posix_spawn_file_actions_addopen(&choices.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&choices.actions, output, 1);
  ::posix_spawn_file_actions_adddup2(&choices.actions, talk, 2);
  ::posix_spawn_file_actions_addclosefrom_np(&choices.actions, 3);
  auto command = call.command;
  auto environment = environment_of(call);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, command.front().c_str(), &choices.actions, &choices.attributes,
                                  argument_pointers(command).data(), argument_pointers(environment).data());
  if (code == 0) return pid;
  return fail(code == ENOENT ? ErrorKind::not_found : ErrorKind::failed,
              fmt::format("cannot start {}: {}", command.front(), errno_text(code)));
}

// Reads what is there; false at the end.
bool drain(int fd, std::string& into) {
  char block[8192];
  const ssize_t count = ::read(fd, block, sizeof block);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  into.append(block, static_cast<std::size_t>(count));
  return count > 0;
}

// The exit status, or nothing while it still runs.
std::optional<int> ended(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) == 0) return std::nullopt;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Until both pipes are closed and the program is gone; why it has to be killed, otherwise.
Result<ProgramOutput> follow(pid_t pid, const ProgramCall& call, const FileDescriptor& output,
                             const FileDescriptor& talk, const std::stop_token& stop) {
  ProgramOutput seen;
  std::array<pollfd, 2> waiting{{{output.get(), POLLIN, 0}, {talk.get(), POLLIN, 0}}};
  const std::array<std::string*, 2> texts{&seen.output, &seen.talk};
  const SteadyTime deadline = std::chrono::steady_clock::now() + call.timeout;
  std::optional<int> status;
  while (true) {
    const bool is_open = waiting[0].fd >= 0 || waiting[1].fd >= 0;
    if (!status) status = ended(pid);
    if (status && !is_open) break;
    if (stop.stop_requested()) return fail(ErrorKind::unreachable, "it was stopped");
    if (std::chrono::steady_clock::now() > deadline)
      return fail(ErrorKind::unreachable, fmt::format("it did not end within {}", to_text(call.timeout)));
    const int ready = ::poll(waiting.data(), waiting.size(), poll_slice_ms);
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (waiting[i].fd >= 0 && waiting[i].revents != 0 && !drain(waiting[i].fd, *texts[i])) waiting[i].fd = -1;
    // It ended and left a child behind that holds the pipes: what came so far is all.
    if (status && ready == 0) break;
    if (seen.output.size() > call.output_max)
      return fail(ErrorKind::too_large, fmt::format("it wrote more than {} bytes", call.output_max));
    if (seen.talk.size() > 2 * talk_kept) seen.talk.erase(0, seen.talk.size() - talk_kept);
  }
  seen.status = *status;
  return seen;
}

}  // namespace

Result<ProgramOutput> run_captured(const ProgramCall& call, std::stop_token stop) {
  auto output = open_pipe(), talk = open_pipe();
  if (!output || !talk) return fail(ErrorKind::failed, fmt::format("cannot open a pipe: {}", errno_text(errno)));
  const auto pid = start(call, output->write.get(), talk->write.get());
  if (!pid) return std::unexpected(pid.error());
  output->write.close();
  talk->write.close();
  auto seen = follow(*pid, call, output->read, talk->read, stop);
  if (seen) return seen;
  ::kill(-*pid, SIGKILL);
  int status = 0;
  ::waitpid(*pid, &status, 0);
  return fail(seen.error().kind, fmt::format("{}: {}", call.command.front(), seen.error().message));
}

}  // namespace tidegate
