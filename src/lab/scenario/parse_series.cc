// The notation of fed readings: 8x3 64 8x5 _x2 10..100x10 stale nan error partial(24,3/4)x2
#include <fmt/format.h>

#include "lab/scenario/parse_parts.h"

namespace tidegate {
namespace {

constexpr std::size_t items_limit = 200'000;

struct Item {
  Reading reading;
  bool repeats_value = false;  // stale without a value: the value before it
  std::optional<double> ramp_to;
};

// "stale(24)" -> "24"; "stale" -> "".
std::optional<std::string_view> argument(std::string_view text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  if (text.empty()) return text;
  if (!text.starts_with('(') || !text.ends_with(')')) return std::nullopt;
  return text.substr(1, text.size() - 2);
}

// "24,3/4" or "3/4".
std::optional<Item> parse_partial(std::string_view text) {
  Item item{.reading = {.quality = Quality::fresh}, .repeats_value = true};
  if (const auto comma = text.find(','); comma != std::string_view::npos) {
    const auto value = parse_number(text.substr(0, comma));
    if (!value) return std::nullopt;
    item.reading.value = *value;
    item.repeats_value = false;
    text.remove_prefix(comma + 1);
  }
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto reported = parse_number(text.substr(0, slash)), expected = parse_number(text.substr(slash + 1));
  if (!reported || !expected || *reported < 0 || *expected < 1 || *reported > *expected || *expected > 1e6)
    return std::nullopt;
  item.reading.coverage = {static_cast<std::int32_t>(*reported), static_cast<std::int32_t>(*expected)};
  return item;
}

std::optional<Item> parse_item(std::string_view text) {
  if (text == "_") return Item{};
  if (text == "nan") return Item{.reading = {.quality = Quality::nan}};
  if (text == "error") return Item{.reading = {.quality = Quality::error}};
  if (const auto inside = argument(text, "partial")) return parse_partial(*inside);
  if (const auto inside = argument(text, "stale")) {
    Item item{.reading = {.quality = Quality::stale}, .repeats_value = inside->empty()};
    if (item.repeats_value) return item;
    const auto value = parse_number(*inside);
    if (!value) return std::nullopt;
    item.reading.value = *value;
    return item;
  }
  if (const auto dots = text.find(".."); dots != std::string_view::npos) {
    const auto from = parse_number(text.substr(0, dots)), to = parse_number(text.substr(dots + 2));
    if (!from || !to) return std::nullopt;
    return Item{.reading = Reading::of(*from), .ramp_to = *to};
  }
  const auto value = parse_number(text);
  return value ? std::optional{Item{.reading = Reading::of(*value)}} : std::nullopt;
}

void append(std::vector<Reading>& all, const Item& item, std::size_t count, Duration every) {
  for (std::size_t i = 0; i < count; ++i) {
    auto reading = item.reading;
    if (item.ramp_to && count > 1)
      reading.value += (*item.ramp_to - reading.value) * static_cast<double>(i) / static_cast<double>(count - 1);
    if (item.repeats_value && !all.empty()) reading.value = all.back().value;
    // An old value grows older with every step.
    if (reading.quality == Quality::stale)
      reading.age = every + (!all.empty() && all.back().quality == Quality::stale ? all.back().age : Duration::zero());
    all.push_back(reading);
  }
}

}  // namespace

std::vector<Reading> parse_series(WordReader& words, Duration every) {
  std::vector<Reading> all;
  if (words.at_end()) words.problems().add(words.place(), "a series is missing, as in 8x3 64 _x2");
  while (!words.at_end()) {
    const auto word = words.take("an item of the series");
    std::string_view text = word.text;
    double count = 1;
    if (const auto cross = text.rfind('x'); cross != std::string_view::npos && cross > 0) {
      const auto times = parse_number(text.substr(cross + 1));
      if (times && *times >= 1 && *times <= static_cast<double>(items_limit))
        count = *times;
      else
        words.problems().add(word.at, fmt::format("'{}': a repetition is written x3", word.text));
      text = text.substr(0, cross);
    }
    const auto item = parse_item(text);
    if (!item)
      words.problems().add(word.at, fmt::format("'{}' is not an item of a series: 8, 8x3, 8..64x8, _ (absent), stale, "
                                                "stale(8), nan, error, partial(3/4) or partial(24,3/4)",
                                                word.text));
    else if (all.size() + static_cast<std::size_t>(count) > items_limit)
      words.problems().add(word.at, "a series has at most 200000 items");
    else
      append(all, *item, static_cast<std::size_t>(count), every);
  }
  return all;
}

}  // namespace tidegate
