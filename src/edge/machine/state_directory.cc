#include "edge/machine/state_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "core/base/time.h"

namespace tidegate {

namespace {

Result<std::string> resolved(const std::string& path) {
  if (!path.empty()) return path;
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/')
    return std::string(state) + "/tidegate";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::string(home) + "/.local/state/tidegate";
  return fail(ErrorKind::invalid,
              "no place for state: neither XDG_STATE_HOME nor HOME is set; give machine.state_directory");
}

Result<void> create_folder(const std::string& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code)
    return fail(code == std::errc::permission_denied ? ErrorKind::denied : ErrorKind::failed,
                fmt::format("cannot create the state directory {}: {}; give another in machine.state_directory", path,
                            code.message()));
  return {};
}

// The pid that the holder wrote; 0: none.
pid_t holder_of(const std::string& lock_path) {
  const auto text = read_file(lock_path, 64);
  return text ? static_cast<pid_t>(std::strtol(text->c_str(), nullptr, 10)) : 0;
}

// A controller killed while it started a replica leaves the lock for a moment with the child that is about to exec: on
// a busy machine that takes longer, and nobody else can have it then.
bool take_lock(int fd, const std::string& lock_path) {
  constexpr Duration pause = 20ms, from_the_living = 500ms, from_the_dead = 10s;
  for (Duration waited{}; waited < from_the_dead; waited += pause) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    const pid_t holder = holder_of(lock_path);
    const bool is_dead = holder > 0 && ::kill(holder, 0) != 0 && errno == ESRCH;
    if (!is_dead && waited >= from_the_living) return false;
    std::this_thread::sleep_for(pause);
  }
  return false;
}

std::string holder_text(const std::string& lock_path) {
  const pid_t holder = holder_of(lock_path);
  return holder > 0 ? fmt::format("process {}", holder) : "another process";
}

}  // namespace

Result<StateDirectory> StateDirectory::open(const std::string& path) {
  const auto place = resolved(path);
  if (!place) return std::unexpected(place.error());
  if (auto created = create_folder(*place); !created) return std::unexpected(created.error());
  std::error_code ignored;
  std::filesystem::permissions(*place, std::filesystem::perms::owner_all, ignored);

  const std::string lock_path = *place + "/controller.lock";
  FileDescriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.is_open())
    return fail(errno == EACCES ? ErrorKind::denied : ErrorKind::failed,
                fmt::format("cannot open {}: {}", lock_path, errno_text(errno)));
  if (!take_lock(lock.get(), lock_path))
    return fail(ErrorKind::failed,
                fmt::format("another controller ({}) uses the state directory {}; stop it, or give this one its own "
                            "machine.state_directory",
                            holder_text(lock_path), *place));
  // The pid is only for the message above; the lock itself is the flock.
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0)
    return fail(ErrorKind::failed, fmt::format("cannot write {}: {}", lock_path, errno_text(errno)));
  return StateDirectory(*place, std::move(lock));
}

Result<std::string> StateDirectory::folder(const std::string& name) const {
  std::string path = path_ + "/" + name;
  if (auto created = create_folder(path); !created) return std::unexpected(created.error());
  return path;
}

}  // namespace tidegate
