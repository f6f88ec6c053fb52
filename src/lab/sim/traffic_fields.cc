#include "lab/sim/traffic_fields.h"

#include <charconv>
#include <chrono>
#include <cmath>

namespace tidegate {
namespace {

template <class Number>
std::optional<Number> whole_field(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Takes exactly `digits` digits and the byte after them off the front ('\0': nothing follows).
std::optional<int> take_digits(std::string_view& text, std::size_t digits, char after) {
  const std::size_t length = digits + (after ? 1 : 0);
  if (text.size() < length || (after && text[digits] != after)) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(length);
  return number;
}

std::optional<std::int64_t> take_fraction_ns(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  std::int64_t ns = 0;
  std::size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits)
    if (digits < 9) ns = ns * 10 + (text.front() - '0');
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) ns *= 10;
  return ns;
}

}  // namespace

std::optional<double> read_amount(std::string_view text) {
  const auto number = whole_field<double>(text);
  if (!number || !std::isfinite(*number) || *number < 0) return std::nullopt;
  return number;
}

std::optional<std::int64_t> read_tokens(std::string_view text) {
  if (const auto whole = whole_field<std::int64_t>(text))
    return *whole >= 0 && *whole <= TrafficRows::tokens_max ? whole : std::nullopt;
  const auto number = read_amount(text);
  if (!number || *number > static_cast<double>(TrafficRows::tokens_max) || *number != std::floor(*number))
    return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<std::int64_t> read_utc_nanoseconds(std::string_view text) {
  const auto year = take_digits(text, 4, '-');
  const auto month = year ? take_digits(text, 2, '-') : std::nullopt;
  const auto day = month ? take_digits(text, 2, '\0') : std::nullopt;
  if (!day || text.empty() || (text.front() != ' ' && text.front() != 'T')) return std::nullopt;
  text.remove_prefix(1);
  const auto hour = take_digits(text, 2, ':');
  const auto minute = hour ? take_digits(text, 2, ':') : std::nullopt;
  const auto second = minute ? take_digits(text, 2, '\0') : std::nullopt;
  const auto fraction = second ? take_fraction_ns(text) : std::nullopt;
  if (!fraction || !(text.empty() || text == "Z" || text == "+00:00" || text == "+00")) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  // The range of nanoseconds in 64 bits ends in 2262.
  if (!date.ok() || *year < 1970 || *year > 2200 || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto at = std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
                  std::chrono::seconds{*second};
  return at.time_since_epoch().count() * 1'000'000'000 + *fraction;
}

bool read_ids(std::string_view text, std::vector<std::uint64_t>& ids) {
  ids.clear();
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const auto id = whole_field<std::uint64_t>(text.substr(0, blank));
    if (!id || ids.size() == TrafficRows::prefix_max) return false;
    ids.push_back(*id);
    if (blank == std::string_view::npos) break;
    text.remove_prefix(blank + 1);
  }
  return true;
}

}  // namespace tidegate
