#include "edge/emulator/weights_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace tidegate {

Result<std::uint64_t> read_weights_file(const std::string& path, const std::atomic<bool>& stop) {
  constexpr std::size_t piece_bytes = 4 * 1024 * 1024;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const ErrorKind kind = errno == ENOENT   ? ErrorKind::not_found
                           : errno == EACCES ? ErrorKind::denied
                                             : ErrorKind::failed;
    return fail(kind, fmt::format("cannot read the weights: {}: {}", path, std::strerror(errno)));
  }
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  const auto piece = std::make_unique_for_overwrite<char[]>(piece_bytes);
  std::uint64_t total = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const auto got = ::read(fd, piece.get(), piece_bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      ::close(fd);
      return fail(ErrorKind::failed, fmt::format("cannot read the weights: {}: {}", path, std::strerror(error)));
    }
    if (got == 0) break;
    total += static_cast<std::uint64_t>(got);
  }
  ::close(fd);
  return total;
}

}  // namespace tidegate
