// Lines of a traffic file out of a stream of bytes, in bounded memory, each with its number.
//
// A line ends with LF or CRLF, the last one also with the end of the bytes; blank lines are passed over; a byte
// order mark before the first is dropped. A line beyond 1 MiB is refused. Where the bytes come from is the
// caller's matter: nothing here opens a file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace tidegate {

// Hands out the next bytes, which live until the next call; empty at the end.
using ByteSource = std::function<Result<std::string_view>()>;

class LineReader {
 public:
  static constexpr std::size_t line_bytes_max = 1 << 20;

  // `name` stands before every message: "trace.csv:12:5: ...".
  LineReader(ByteSource bytes, std::string name) : bytes_(std::move(bytes)), name_(std::move(name)) {}

  // Moves to the next line; false at the end.
  [[nodiscard]] Result<bool> next();
  // The present line, without its end; lives until the next move.
  [[nodiscard]] std::string_view line() const { return line_; }
  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  // An error at a byte of the present line; columns count from 1.
  [[nodiscard]] std::unexpected<Error> fail_at(std::size_t offset, std::string_view message) const;

 private:
  [[nodiscard]] Result<bool> raw_line();

  ByteSource bytes_;
  std::string name_;
  std::string_view chunk_;
  std::vector<char> joined_;  // a line that spans chunks; a vector, so that views outlive a move of the reader
  std::string_view line_;
  std::int64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace tidegate
