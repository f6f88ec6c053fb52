#include "serve/runtime/file_watch.h"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace tidegate {

Result<FileWatch> FileWatch::open(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
  const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd >= 0 &&
      ::inotify_add_watch(fd, folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB) >= 0)
    return FileWatch(fd, file.filename().string());
  const int code = errno;
  if (fd >= 0) ::close(fd);
  return fail(ErrorKind::failed, fmt::format("cannot watch {} for changes: {}; SIGHUP still has {} read again", folder,
                                             std::strerror(code), path));
}

FileWatch::FileWatch(FileWatch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)), first_(other.first_), last_(other.last_) {}

FileWatch::~FileWatch() {
  if (fd_ >= 0) ::close(fd_);
}

bool FileWatch::take_events() {
  bool touched = false;
  alignas(inotify_event) std::array<char, 4096> buffer{};
  for (auto size = ::read(fd_, buffer.data(), buffer.size()); size > 0;
       size = ::read(fd_, buffer.data(), buffer.size())) {
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string_view name = event.len == 0 ? "" : buffer.data() + at + sizeof event;
      at += sizeof event + event.len;
      // "..data" is the link that a Kubernetes volume switches; an overflow may have lost our file's event.
      touched = touched || name == name_ || name == "..data" || (event.mask & IN_Q_OVERFLOW) != 0;
    }
  }
  return touched;
}

std::optional<Instant> FileWatch::due() const {
  if (!first_) return std::nullopt;
  return std::min(*last_ + quiet, *first_ + patience);
}

bool FileWatch::look(Instant now) {
  if (take_events()) {
    first_ = first_.value_or(now);
    last_ = now;
  }
  if (!first_ || now < *due()) return false;
  first_.reset();
  last_.reset();
  return true;
}

}  // namespace tidegate
