#include "core/base/cron.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <span>
#include <vector>

namespace tidegate {
namespace {

constexpr std::string_view month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                            "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  int low = 0;
  int high = 0;
  std::span<const std::string_view> names;  // names[0] means `low`
};
constexpr Field fields[] = {{"minute", 0, 59, {}},
                            {"hour", 0, 23, {}},
                            {"day of month", 1, 31, {}},
                            {"month", 1, 12, month_names},
                            {"day of week", 0, 7, day_names}};

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<int> number_of(std::string_view text, const Field& field) {
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (text.size() != 3) break;
    bool same = true;
    for (std::size_t c = 0; c < 3; ++c) same = same && (text[c] | 0x20) == field.names[i][c];
    if (same) return field.low + static_cast<int>(i);
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The bits of one item: `*`, N, N-M, each perhaps with /STEP.
Result<std::uint64_t> item_bits(std::string_view item, const Field& field) {
  const auto wrong = fmt::format("the {} `{}` is not from {} to {}", field.name, item, field.low, field.high);
  int step = 1;
  const auto slash = item.find('/');
  const bool has_step = slash != std::string_view::npos;
  if (has_step) {
    const auto given = number_of(item.substr(slash + 1), {"step", 1, 1000, {}});
    if (!given || *given < 1 || *given > field.high)
      return fail(ErrorKind::invalid, fmt::format("the step of the {} `{}` is wrong", field.name, item));
    step = *given;
    item = item.substr(0, slash);
  }
  std::optional<int> first = field.low;
  std::optional<int> last = field.high;
  if (item != "*") {
    const auto dash = item.find('-');
    first = number_of(item.substr(0, dash), field);
    if (dash != std::string_view::npos)
      last = number_of(item.substr(dash + 1), field);
    else if (!has_step)
      last = first;
  }
  if (!first || !last || *first < field.low || *last > field.high || *first > *last)
    return fail(ErrorKind::invalid, wrong);
  std::uint64_t bits = 0;
  for (int value = *first; value <= *last; value += step) bits |= std::uint64_t{1} << value;
  return bits;
}

// The newest set bit at or below `from`; -1: none.
int bit_at_or_below(std::uint64_t bits, int from) {
  if (from < 0) return -1;
  const auto below = bits & (from >= 63 ? ~std::uint64_t{0} : (std::uint64_t{1} << (from + 1)) - 1);
  return below == 0 ? -1 : 63 - std::countl_zero(below);
}

bool fires_on(const Cron& cron, std::chrono::sys_days day) {
  const std::chrono::year_month_day date{day};
  if ((cron.months >> static_cast<unsigned>(date.month()) & 1) == 0) return false;
  const bool day_fits = cron.days >> static_cast<unsigned>(date.day()) & 1;
  const bool weekday_fits = cron.weekdays >> std::chrono::weekday{day}.c_encoding() & 1;
  if (cron.any_day) return weekday_fits;
  if (cron.any_weekday) return day_fits;
  return day_fits || weekday_fits;
}

}  // namespace

Result<Cron> parse_cron(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto word : split(text, ' '))
    if (!word.empty()) words.push_back(word);
  if (words.size() != std::size(fields))
    return fail(ErrorKind::invalid,
                fmt::format("`{}` has {} fields, and a cron expression has five", text, words.size()));
  std::uint64_t bits[std::size(fields)]{};
  for (std::size_t i = 0; i < words.size(); ++i)
    for (const auto item : split(words[i], ',')) {
      const auto found = item_bits(item, fields[i]);
      if (!found) return std::unexpected(found.error());
      bits[i] |= *found;
    }
  // Both 0 and 7 are Sunday.
  const auto weekdays = static_cast<std::uint8_t>((bits[4] | bits[4] >> 7) & 0x7f);
  return Cron{.text = std::string{text},
              .minutes = bits[0],
              .hours = static_cast<std::uint32_t>(bits[1]),
              .days = static_cast<std::uint32_t>(bits[2]),
              .months = static_cast<std::uint16_t>(bits[3]),
              .weekdays = weekdays,
              .any_day = words[2] == "*",
              .any_weekday = words[4] == "*"};
}

std::optional<Instant> last_firing(const Cron& cron, Instant now, Duration offset) {
  const auto local = now + offset;
  const auto today = std::chrono::floor<std::chrono::days>(local);
  const auto minute_now = static_cast<int>(std::chrono::floor<std::chrono::minutes>(local - today).count());
  for (int back = 0; back <= 366; ++back) {
    const auto day = today - std::chrono::days{back};
    if (!fires_on(cron, day)) continue;
    const int latest = back == 0 ? minute_now : 24 * 60 - 1;
    int hour = bit_at_or_below(cron.hours, latest / 60);
    int minute = hour == latest / 60 ? bit_at_or_below(cron.minutes, latest % 60) : bit_at_or_below(cron.minutes, 59);
    if (hour >= 0 && minute < 0) {  // not in that hour any more: in the one before
      hour = bit_at_or_below(cron.hours, hour - 1);
      minute = bit_at_or_below(cron.minutes, 59);
    }
    if (hour >= 0 && minute >= 0)
      return Instant{day} + std::chrono::hours{hour} + std::chrono::minutes{minute} - offset;
  }
  return std::nullopt;
}

}  // namespace tidegate
