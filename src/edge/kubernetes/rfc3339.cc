#include "edge/kubernetes/rfc3339.h"

#include <fmt/format.h>

#include <charconv>

namespace tidegate {
namespace {

// Takes what it reads off the front.
class TimeText {
 public:
  explicit TimeText(std::string_view text) : rest_(text) {}

  // Exactly `digits` of them, and a number of [low, high].
  [[nodiscard]] bool number(std::size_t digits, int low, int high, int& into) {
    if (rest_.size() < digits) return false;
    const auto part = rest_.substr(0, digits);
    if (part.find_first_not_of("0123456789") != part.npos) return false;
    std::from_chars(part.data(), part.data() + digits, into);
    rest_.remove_prefix(digits);
    return into >= low && into <= high;
  }
  [[nodiscard]] bool one_of(std::string_view characters, char& into) {
    if (rest_.empty() || !characters.contains(rest_.front())) return false;
    into = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool expect(std::string_view characters) {
    char which = 0;
    return one_of(characters, which);
  }
  // The digits after the point, as nanoseconds.
  [[nodiscard]] bool fraction(Duration& into) {
    std::int64_t value = 0;
    std::size_t digits = 0;
    for (char digit = 0; one_of("0123456789", digit); ++digits)
      if (digits < 9) value = value * 10 + (digit - '0');
    for (std::size_t i = digits; i < 9; ++i) value *= 10;
    into = Duration{value};
    return digits > 0;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct Broken {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<Duration> time;
};

Broken broken(Instant at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  return {.date = day, .time = std::chrono::hh_mm_ss<Duration>{at - day}};
}

std::string to_the_second(const Broken& at) {
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(at.date.year()),
                     static_cast<unsigned>(at.date.month()), static_cast<unsigned>(at.date.day()),
                     at.time.hours().count(), at.time.minutes().count(), at.time.seconds().count());
}

}  // namespace

std::optional<Instant> parse_rfc3339(std::string_view text) {
  TimeText read{text};
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const bool is_date = read.number(4, 1970, 2261, year) && read.expect("-") && read.number(2, 1, 12, month) &&
                       read.expect("-") && read.number(2, 1, 31, day) && read.expect("Tt");
  const bool is_time = is_date && read.number(2, 0, 23, hour) && read.expect(":") && read.number(2, 0, 59, minute) &&
                       read.expect(":") && read.number(2, 0, 60, second);  // 60: a leap second
  if (!is_time) return std::nullopt;
  Duration fraction{};
  if (read.expect(".") && !read.fraction(fraction)) return std::nullopt;
  char sign = 0;
  if (!read.one_of("Zz+-", sign)) return std::nullopt;
  int offset_hours = 0, offset_minutes = 0;
  if ((sign == '+' || sign == '-') &&
      !(read.number(2, 0, 23, offset_hours) && read.expect(":") && read.number(2, 0, 59, offset_minutes)))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!read.at_end() || !date.ok()) return std::nullopt;
  const Duration offset = std::chrono::hours{offset_hours} + std::chrono::minutes{offset_minutes};
  return Instant{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second} + fraction - (sign == '-' ? -offset : offset);
}

std::string rfc3339(Instant at) { return to_the_second(broken(at)) + "Z"; }

std::string rfc3339_micro(Instant at) {
  const Broken parts = broken(at);
  return fmt::format("{}.{:06}Z", to_the_second(parts), parts.time.subseconds().count() / 1000);
}

}  // namespace tidegate
