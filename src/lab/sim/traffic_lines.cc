#include "lab/sim/traffic_lines.h"

#include <fmt/format.h>

namespace tidegate {

std::unexpected<Error> LineReader::fail_at(std::size_t offset, std::string_view message) const {
  return fail(ErrorKind::invalid, fmt::format("{}:{}:{}: {}", name_, number_, offset + 1, message));
}

// The next line with its CR, if it has one.
Result<bool> LineReader::raw_line() {
  joined_.clear();
  while (!ended_) {
    const std::size_t end = chunk_.find('\n');
    const std::string_view piece = chunk_.substr(0, end);
    if (joined_.size() + piece.size() > line_bytes_max) {
      ++number_;
      return fail_at(line_bytes_max, "the line is longer than 1 MiB; is this a traffic file?");
    }
    if (end != std::string_view::npos) {
      chunk_.remove_prefix(end + 1);
      if (joined_.empty()) {
        line_ = piece;
      } else {
        joined_.insert(joined_.end(), piece.begin(), piece.end());
        line_ = {joined_.data(), joined_.size()};
      }
      ++number_;
      return true;
    }
    joined_.insert(joined_.end(), piece.begin(), piece.end());
    auto more = bytes_();
    if (!more) return std::unexpected(more.error());
    chunk_ = *more;
    ended_ = chunk_.empty();
  }
  if (joined_.empty()) return false;
  line_ = {joined_.data(), joined_.size()};
  ++number_;
  return true;
}

Result<bool> LineReader::next() {
  for (;;) {
    const auto found = raw_line();
    if (!found || !*found) return found;
    if (number_ == 1 && line_.starts_with("\xEF\xBB\xBF")) line_.remove_prefix(3);
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    if (line_.find_first_not_of(" \t") != std::string_view::npos) return true;
  }
}

}  // namespace tidegate
