#include "edge/targets/spawn.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "edge/machine/file_descriptor.h"

extern "C" char** environ;

namespace tidegate {

namespace {

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& ours) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string name(text.substr(0, text.find('=')));
    // A service manager's sockets and marks are ours alone.
    if (ours.contains(name) || name == "NOTIFY_SOCKET" || name.starts_with("LISTEN_")) continue;
    merged.emplace_back(text);
  }
  for (const auto& [name, value] : ours) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::string failure_text(const SpawnSpec& spec, int code) {
  const std::string& program = spec.command.front();
  if (code == ENOENT && program.contains('/')) return fmt::format("{} does not exist; check the command", program);
  if (code == ENOENT)
    return fmt::format("{} is not found in PATH; install it, or give its full path in the command", program);
  if (code == EACCES) return fmt::format("{} may not be executed; check its permissions", program);
  if (code == EAGAIN || code == ENOMEM)
    return fmt::format("the machine cannot start {}: {}", program, errno_text(code));
  return fmt::format("cannot start {}: {}", program, errno_text(code));
}

// posix_spawn's attributes and file actions, released however we leave.
struct SpawnSetup {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  SpawnSetup() { ::posix_spawnattr_init(&attributes), ::posix_spawn_file_actions_init(&actions); }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() { ::posix_spawn_file_actions_destroy(&actions), ::posix_spawnattr_destroy(&attributes); }
};

}  // namespace

Result<std::int64_t> spawn(const SpawnSpec& spec) {
  const FileDescriptor log(::open(spec.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640));
  if (!log.is_open())
    return fail(ErrorKind::failed, fmt::format("cannot write the log {}: {}; free space there, or give another "
                                               "log_directory",
                                               spec.log_path, errno_text(errno)));
  struct stat about{};
  if (const auto& folder = spec.working_directory;
      !folder.empty() && (::stat(folder.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)))
    return fail(ErrorKind::failed, fmt::format("the working directory {} does not exist; create it, or correct "
                                               "working_directory",
                                               folder));

  SpawnSetup setup;
  sigset_t every, none;
  ::sigfillset(&every), ::sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&setup.attributes, &every);
  ::posix_spawnattr_setsigmask(&setup.attributes, &none);
  ::posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  ::posix_spawn_file_actions_addopen(&setup.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&setup.actions, log.get(), 1);
  ::posix_spawn_file_actions_adddup2(&setup.actions, log.get(), 2);
  // Libraries of ours may have opened sockets without close-on-exec; a replica must not hold our listeners.
  ::posix_spawn_file_actions_addclosefrom_np(&setup.actions, 3);
  if (!spec.working_directory.empty())
    ::posix_spawn_file_actions_addchdir_np(&setup.actions, spec.working_directory.c_str());

  auto command = spec.command;
  auto environment = merged_environment(spec.environment);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, command.front().c_str(), &setup.actions, &setup.attributes,
                                  pointers(command).data(), pointers(environment).data());
  if (code != 0) return fail(ErrorKind::failed, failure_text(spec, code));
  return pid;
}

Result<std::uint16_t> free_port(std::int32_t first, std::int32_t last, std::int32_t start,
                                const std::vector<std::uint16_t>& taken) {
  const std::int32_t count = last - first + 1;
  for (std::int32_t i = 0; i < count; ++i) {
    const auto port = static_cast<std::uint16_t>(first + (start - first + i) % count);
    if (std::ranges::find(taken, port) != taken.end()) continue;
    const FileDescriptor probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_ANY);  // most servers bind every address
    const int yes = 1;
    ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return port;
  }
  return fail(ErrorKind::failed, fmt::format("every port from {} to {} is in use; widen machine.ports", first, last));
}

}  // namespace tidegate
