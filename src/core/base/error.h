// An outside failure: what went wrong, and how a caller may react. Messages: fixed text first, values last,
// and what the user can do about it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace tidegate {

enum class ErrorKind : std::uint8_t {
  failed,       // anything not below
  invalid,      // the input is wrong: exit 78 for a configuration
  not_found,    // exit 5
  unreachable,  // connection refused, time-out: exit 6
  denied,       // permission: exit 7
  too_large,    // a bound was hit
};

struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string message;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return std::unexpected(Error{kind, std::move(message)});
}

}  // namespace tidegate
