#include "serve/config/cron_check.h"

#include <fmt/format.h>

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

std::optional<std::string> item_problem(std::string_view item, const Field& field) {
  const auto wrong = fmt::format("the {} `{}` is not from {} to {}", field.name, item, field.low, field.high);
  const auto slash = item.find('/');
  if (slash != std::string_view::npos) {
    const auto step = number_of(item.substr(slash + 1), {"step", 1, 1000, {}});
    if (!step || *step < 1 || *step > field.high)
      return fmt::format("the step of the {} `{}` is wrong", field.name, item);
    item = item.substr(0, slash);
  }
  if (item == "*") return std::nullopt;
  const auto dash = item.find('-');
  const auto first = number_of(item.substr(0, dash), field);
  const auto last = dash == std::string_view::npos ? first : number_of(item.substr(dash + 1), field);
  if (!first || !last || *first < field.low || *last > field.high || *first > *last) return wrong;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> cron_problem(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto word : split(text, ' '))
    if (!word.empty()) words.push_back(word);
  if (words.size() != std::size(fields))
    return fmt::format("`{}` has {} fields, and a cron expression has five", text, words.size());
  for (std::size_t i = 0; i < words.size(); ++i)
    for (const auto item : split(words[i], ','))
      if (auto problem = item_problem(item, fields[i])) return problem;
  return std::nullopt;
}

}  // namespace tidegate
