// Writes one line of JSON, piece by piece, as fast as text can be appended. It knows the punctuation and the spelling
// of values; that lists and objects are closed in their order is the caller's business.
//
// Numbers are as short as they can be read back exactly; one that is not finite is null, since JSON has no other word.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/time.h"

namespace tidegate {

class JsonLine {
 public:
  void open(char bracket);                         // the line itself, or an element of a list
  void open(std::string_view name, char bracket);  // a field
  void close(char bracket);

  void text(std::string_view name, std::string_view value);
  void flag(std::string_view name, bool value);
  void raw(std::string_view name, std::string_view json);  // a value that is JSON already
  void number(std::string_view name, double value);
  void number(std::string_view name, std::int64_t value);
  // Exact seconds: a double of seconds since 1970 has no room for nanoseconds.
  void duration(std::string_view name, Duration value);
  void instant(std::string_view name, Instant value) { duration(name, value.time_since_epoch()); }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void next();
  void key(std::string_view name);
  void quoted(std::string_view value);

  std::string text_;
  bool first_ = true;
};

}  // namespace tidegate
