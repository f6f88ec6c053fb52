#include "edge/targets/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <filesystem>

#include "edge/machine/file_descriptor.h"

namespace tidegate {

namespace {

constexpr std::int64_t tail_bytes = 256 * 1024;
constexpr std::size_t line_bytes_max = 1000;

std::string read_end(int fd, std::int64_t bytes) {
  struct stat about{};
  if (::fstat(fd, &about) != 0) return {};
  std::int64_t at = std::max<std::int64_t>(0, about.st_size - bytes);
  std::string text;
  char block[8192];
  while (static_cast<std::int64_t>(text.size()) < bytes) {
    const ssize_t count = ::pread(fd, block, sizeof block, at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(block, static_cast<std::size_t>(count));
    at += count;
  }
  return text;
}

}  // namespace

std::vector<std::string> read_log_tail(const std::string& path, std::size_t lines) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) return {};
  const std::string text = read_end(file.get(), tail_bytes);
  std::deque<std::string> last;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    last.push_back(text.substr(at, std::min(end - at, line_bytes_max)));
    if (last.size() > lines) last.pop_front();
    at = end + 1;
  }
  return {last.begin(), last.end()};
}

Result<void> bound_log(const std::string& path, std::int64_t bytes_max) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0 || about.st_size <= bytes_max) return {};
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) return fail(ErrorKind::failed, fmt::format("cannot open {}: {}", path, errno_text(errno)));
  const auto kept = replace_file(path + ".1", read_end(file.get(), bytes_max / 4));
  // A full disk must not keep the log growing: it is emptied even when its end could not be kept.
  if (::ftruncate(file.get(), 0) != 0)
    return fail(ErrorKind::failed, fmt::format("cannot empty {}: {}", path, errno_text(errno)));
  return kept;
}

void prune_logs(const std::string& folder, const std::string& prefix, const std::vector<std::string>& in_use,
                std::size_t keep) {
  namespace fs = std::filesystem;
  std::error_code code;
  std::vector<std::pair<fs::file_time_type, fs::path>> old;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const auto& path = entry.path();
    const std::string name = path.stem().string();
    if (path.extension() != ".log" || !name.starts_with(prefix)) continue;
    // A pool named "a" must not count the logs of a pool named "a-b": an id adds four digits and nothing else.
    if (name.size() != prefix.size() + 4 || std::ranges::find(in_use, name) != in_use.end()) continue;
    std::error_code gone;
    old.emplace_back(entry.last_write_time(gone), path);
  }
  std::ranges::sort(old, std::greater{});
  for (std::size_t i = keep; i < old.size(); ++i) {
    fs::remove(old[i].second, code);
    fs::remove(fs::path(old[i].second.string() + ".1"), code);
  }
}

}  // namespace tidegate
