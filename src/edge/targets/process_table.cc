#include "edge/targets/process_table.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstring>
#include <memory>

#include "edge/machine/file_descriptor.h"

namespace tidegate {

std::optional<std::uint64_t> process_start_time(std::int64_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 64 * 1024);
  if (!text) return std::nullopt;
  // The name in parentheses may hold anything; the fields begin after the last one: state is field 3, start time 22.
  const auto close = text->rfind(')');
  if (close == std::string::npos || close + 2 >= text->size()) return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(close + 2);
  if (rest.front() == 'Z' || rest.front() == 'X') return std::nullopt;
  for (int field = 3; field < 22; ++field) {
    const auto space = rest.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(space + 1);
  }
  std::uint64_t ticks = 0;
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), ticks);
  return code == std::errc{} ? std::optional(ticks) : std::nullopt;
}

std::string boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 256);
  if (!text) return {};
  while (text->ends_with('\n')) text->pop_back();
  return *text;
}

std::vector<std::int64_t> find_marked(const std::string& name, const std::string& value) {
  const std::string mark = std::string(1, '\0') + name + "=" + value + std::string(1, '\0');
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  std::vector<std::int64_t> found;
  if (!folder) return found;
  while (const dirent* entry = ::readdir(folder.get())) {
    std::int64_t pid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    if (auto [at, code] = std::from_chars(entry->d_name, end, pid); code != std::errc{} || at != end) continue;
    const auto environment = read_file(fmt::format("/proc/{}/environ", pid), 4 << 20);
    // Children of the replica inherit its mark; the replica itself leads their session.
    if (!environment || !('\0' + *environment + '\0').contains(mark)) continue;
    if (session_of(pid) == pid && process_start_time(pid)) found.push_back(pid);
  }
  return found;
}

std::optional<std::int64_t> session_of(std::int64_t pid) {
  const pid_t session = ::getsid(static_cast<pid_t>(pid));
  return session < 0 ? std::nullopt : std::optional<std::int64_t>(session);
}

std::string exit_text(int code, int status) {
  if (code == CLD_EXITED) return fmt::format("exited with status {}", status);
  const char* name = ::sigdescr_np(status);
  return fmt::format("was killed by signal {} ({})", status, name == nullptr ? "unknown" : name);
}

}  // namespace tidegate
