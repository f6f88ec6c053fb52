// Owns one file descriptor and closes it. Everything opened here is close-on-exec, so no replica inherits it.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/base/error.h"

namespace tidegate {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  void close() { *this = FileDescriptor(); }

 private:
  int fd_ = -1;
};

// The kernel's own words for an errno: "No space left on device".
[[nodiscard]] std::string errno_text(int code);

// What may be read of a file without surprise: at most `bytes_max`; a larger file is an error, not a prefix.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

// Replaces a file as a whole: written beside it, flushed to the disk, renamed over it, the folder flushed.
// A reader or a crash sees the old text or the new one, never a part.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text);

}  // namespace tidegate
