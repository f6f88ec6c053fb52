#include "app/time_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "serve/config/quantities.h"

namespace tidegate {
namespace {

// "10:15:30" with ':' as {10, 15, 30}.
std::optional<std::vector<int>> numbers(std::string_view text, char separator) {
  std::vector<int> found;
  for (;;) {
    const auto end = text.find(separator);
    const auto word = text.substr(0, end);
    int number = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (word.empty() || error != std::errc{} || stop != word.data() + word.size() || number < 0) return std::nullopt;
    found.push_back(number);
    if (end == std::string_view::npos) return found;
    text.remove_prefix(end + 1);
  }
}

std::optional<Duration> time_of_day(std::string_view text) {
  const auto parts = numbers(text, ':');
  if (!parts || parts->size() < 2 || parts->size() > 3) return std::nullopt;
  const int second = parts->size() == 3 ? (*parts)[2] : 0;
  if ((*parts)[0] > 23 || (*parts)[1] > 59 || second > 59) return std::nullopt;
  return std::chrono::hours{(*parts)[0]} + std::chrono::minutes{(*parts)[1]} + std::chrono::seconds{second};
}

std::optional<Instant> calendar_time(std::string_view text) {
  if (text.ends_with('Z')) text.remove_suffix(1);
  const auto gap = text.find_first_of("T ");
  const auto date = numbers(text.substr(0, gap), '-');
  if (!date || date->size() != 3) return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year{(*date)[0]},
                                        std::chrono::month(static_cast<unsigned>((*date)[1])),
                                        std::chrono::day(static_cast<unsigned>((*date)[2]))};
  if (!day.ok()) return std::nullopt;
  const auto clock =
      gap == std::string_view::npos ? std::optional{Duration::zero()} : time_of_day(text.substr(gap + 1));
  if (!clock) return std::nullopt;
  return Instant{std::chrono::sys_days{day}} + *clock;
}

}  // namespace

Result<Instant> read_time(std::string_view text, Instant now) {
  if (text.starts_with('@')) {
    if (const auto seconds = read_number(text.substr(1)); seconds && *seconds >= 0 && *seconds < 1e11)
      return instant_at(*seconds);
  } else if (const auto clock = time_of_day(text.ends_with('Z') ? text.substr(0, text.size() - 1) : text)) {
    const auto today = std::chrono::floor<std::chrono::days>(now) + *clock;
    return today <= now ? today : today - std::chrono::days{1};
  } else if (const auto at = calendar_time(text)) {
    return *at;
  } else if (const auto ago = read_duration(text)) {
    return now - *ago;
  }
  return fail(ErrorKind::invalid,
              fmt::format("'{}' is no time: write 10:15, 2026-09-14T10:15:00Z, 15m (ago) or @SECONDS, in UTC", text));
}

}  // namespace tidegate
