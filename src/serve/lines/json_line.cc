#include "serve/lines/json_line.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace tidegate {

void JsonLine::next() {
  if (!first_) text_ += ',';
  first_ = false;
}

void JsonLine::key(std::string_view name) {
  next();
  quoted(name);
  text_ += ':';
}

void JsonLine::open(char bracket) {
  next();
  text_ += bracket;
  first_ = true;
}

void JsonLine::open(std::string_view name, char bracket) {
  key(name);
  text_ += bracket;
  first_ = true;
}

void JsonLine::close(char bracket) {
  text_ += bracket;
  first_ = false;
}

void JsonLine::text(std::string_view name, std::string_view value) {
  key(name);
  quoted(value);
}

void JsonLine::flag(std::string_view name, bool value) {
  key(name);
  text_ += value ? "true" : "false";
}

void JsonLine::raw(std::string_view name, std::string_view json) {
  key(name);
  text_ += json;
}

void JsonLine::number(std::string_view name, double value) {
  key(name);
  if (std::isfinite(value))
    fmt::format_to(std::back_inserter(text_), "{}", value);
  else
    text_ += "null";
}

void JsonLine::number(std::string_view name, std::int64_t value) {
  key(name);
  fmt::format_to(std::back_inserter(text_), "{}", value);
}

void JsonLine::duration(std::string_view name, Duration value) {
  key(name);
  const auto ns = value.count();
  const auto magnitude = ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  fmt::format_to(std::back_inserter(text_), "{}{}.{:09}", ns < 0 ? "-" : "", magnitude / 1'000'000'000,
                 magnitude % 1'000'000'000);
  while (text_.back() == '0' && text_[text_.size() - 2] != '.') text_.pop_back();
}

void JsonLine::quoted(std::string_view value) {
  text_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      text_ += c;
    }
  }
  text_ += '"';
}

}  // namespace tidegate
