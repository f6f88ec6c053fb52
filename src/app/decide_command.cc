// `tidegate decide`: one observation a line in, one decision a line out, so that any program can use tidegate as its
// brain (docs/formats/lines.md). Nothing is started, scraped or written.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/exit_status.h"
#include "app/resolvers.h"
#include "serve/config/configuration.h"
#include "serve/lines/brain.h"

namespace tidegate {
namespace {

// Whole lines out of a descriptor. Of a line longer than allowed one byte too many is kept, so that it is refused and
// its rest skipped.
class LineFeed {
 public:
  explicit LineFeed(int descriptor) : descriptor_(descriptor), buffer_(64U << 10) {}

  // False at the end, or when reading failed (problem() then says why).
  bool next(std::string& line) {
    line.clear();
    while (true) {
      if (begin_ == end_ && !fill()) return !line.empty();
      const char* from = buffer_.data() + begin_;
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', end_ - begin_));
      const auto length = newline != nullptr ? static_cast<std::size_t>(newline - from) : end_ - begin_;
      line.append(from, std::min(length, line_bytes_max + 1 - line.size()));
      begin_ += newline != nullptr ? length + 1 : length;
      if (newline != nullptr) return true;
    }
  }
  [[nodiscard]] int problem() const { return problem_; }

 private:
  bool fill() {
    ssize_t got = 0;
    do got = ::read(descriptor_, buffer_.data(), buffer_.size());
    while (got < 0 && errno == EINTR);
    problem_ = got < 0 ? errno : 0;
    begin_ = 0;
    end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
    return got > 0;
  }

  int descriptor_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  int problem_ = 0;
};

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::write(descriptor, text.data(), text.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

int decide_lines(const Arguments& given, Terminal& terminal) {
  const auto path = given.value("--config").value_or("");
  const auto loaded = load_configuration_file(path, app_resolvers());
  if (!loaded) return report(terminal, loaded.error());
  auto fleet = fleet_of(*loaded);
  if (!fleet) return report(terminal, fleet.error());
  if (fleet->budget.price_max || fleet->budget.gpus_max)
    terminal.say("tidegate: each line is decided by itself, so the shared budget is not applied");

  Brain brain{std::move(*fleet)};
  LineFeed feed{STDIN_FILENO};
  for (std::string line; feed.next(line);)
    if (!write_all(STDOUT_FILENO, brain.answer(line) + "\n"))
      return report(terminal, {ErrorKind::failed, fmt::format("cannot write to stdout: {}", std::strerror(errno))});
  if (feed.problem() != 0)
    return report(terminal, {ErrorKind::failed, fmt::format("cannot read stdin: {}", std::strerror(feed.problem()))});
  return exit_ok;
}

}  // namespace

extern const Command decide_command;
const Command decide_command{
    .name = "decide",
    .group = CommandGroup::try_out,
    .summary = "answer observations on stdin with decisions on stdout, line by line",
    .examples = {R"(echo '{"now":1,"service":"chat","in_flight":9,"pools":[]}' | tidegate decide --config f.yaml)"},
    .options = {{.name = "--config", .value = "FILE", .help = "the services", .fallback = "tidegate.yaml"}},
    .run = decide_lines};

}  // namespace tidegate
