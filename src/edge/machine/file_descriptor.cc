#include "edge/machine/file_descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tidegate {

namespace {

ErrorKind kind_of(int code) {
  if (code == EACCES || code == EPERM || code == EROFS) return ErrorKind::denied;
  if (code == ENOENT || code == ENOTDIR) return ErrorKind::not_found;
  return ErrorKind::failed;
}

std::unexpected<Error> failed(std::string_view what, const std::string& path, int code) {
  return fail(kind_of(code), fmt::format("{} {}: {}", what, path, errno_text(code)));
}

Result<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("cannot write", path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return failed("cannot flush", path, errno);
  return {};
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

std::string errno_text(int code) {
  // The GNU strerror_r: thread-safe, and answers with the text itself.
  char buffer[128];
  return ::strerror_r(code, buffer, sizeof buffer);
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) return failed("cannot open", path, errno);
  std::string text;
  char block[8192];
  while (true) {
    const ssize_t count = ::read(file.get(), block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("cannot read", path, errno);
    if (count == 0) return text;
    text.append(block, static_cast<std::size_t>(count));
    if (text.size() > bytes_max)
      return fail(ErrorKind::too_large, fmt::format("{} is larger than the {} bytes allowed here", path, bytes_max));
  }
}

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  FileDescriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.is_open()) return failed("cannot create", beside, errno);
  if (auto written = write_all(file.get(), text, beside); !written) {
    ::unlink(beside.c_str());
    return written;
  }
  file.close();
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(beside.c_str());
    return failed("cannot replace", path, code);
  }
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const FileDescriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.is_open()) ::fsync(parent.get());
  return {};
}

}  // namespace tidegate
