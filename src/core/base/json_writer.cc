#include "core/base/json_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <utility>

#include "core/base/check.h"

namespace tidegate {
namespace {

// Length of the UTF-8 sequence that begins at `at`; 0 when it is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (length == 1) return 1;
  if (lead < 0xC2 || lead > 0xF4 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  const unsigned char second = byte(at + 1);
  const bool is_bad = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
  return is_bad ? 0 : length;
}

// Texts may come from outside (log lines, error messages): what is no UTF-8 becomes a replacement character.
void append_quoted(std::string& into, std::string_view text) {
  into += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    const char c = text[at];
    if (length == 0) {
      into += "\xEF\xBF\xBD";
      ++at;
      continue;
    }
    if (c == '"' || c == '\\') {
      into += '\\';
      into += c;
    } else if (c == '\n') {
      into += "\\n";
    } else if (c == '\t') {
      into += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(into), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      into.append(text, at, length);
    }
    at += length;
  }
  into += '"';
}

}  // namespace

void JsonWriter::separate() {
  if (std::exchange(comma_, true)) text_ += ',';
}

JsonWriter& JsonWriter::open(char begin, char end) {
  separate();
  text_ += begin;
  open_.push_back(end);
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end() {
  CHECK(!open_.empty());
  text_ += open_.back();
  open_.pop_back();
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  CHECK(!open_.empty() && open_.back() == '}');
  separate();
  append_quoted(text_, name);
  text_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  separate();
  if (number == std::round(number) && std::abs(number) < 1e15)
    fmt::format_to(std::back_inserter(text_), "{:.0f}", number == 0 ? 0.0 : number);
  else
    fmt::format_to(std::back_inserter(text_), "{:.9g}", number);
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_quoted(text_, text);
  return *this;
}

JsonWriter& JsonWriter::value(Instant at) {
  separate();
  const auto ms = std::chrono::round<std::chrono::milliseconds>(at).time_since_epoch().count();
  fmt::format_to(std::back_inserter(text_), "{}", ms / 1000);
  if (ms % 1000 != 0) fmt::format_to(std::back_inserter(text_), ".{:03}", std::abs(ms % 1000));
  return *this;
}

JsonWriter& JsonWriter::exact(double number) {
  if (!std::isfinite(number)) return null();
  separate();
  fmt::format_to(std::back_inserter(text_), "{}", number);
  return *this;
}

JsonWriter& JsonWriter::exact(Duration length) {
  separate();
  const auto ns = length.count();
  const auto magnitude = ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  fmt::format_to(std::back_inserter(text_), "{}{}.{:09}", ns < 0 ? "-" : "", magnitude / 1'000'000'000,
                 magnitude % 1'000'000'000);
  while (text_.back() == '0' && text_[text_.size() - 2] != '.') text_.pop_back();
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}

std::string JsonWriter::take() {
  CHECK(open_.empty());
  comma_ = false;
  return std::exchange(text_, {});
}

}  // namespace tidegate
