#include "lab/scenario/words.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace tidegate {
namespace {

constexpr std::size_t text_max = 1 << 20;
constexpr std::size_t lines_max = 20'000;
constexpr double duration_max = 10 * 365.0 * 86400;

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr auto units = std::to_array<Unit>({{"ms", 1e-3}, {"min", 60}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}});

// Reads the number at the front of `text` and removes it.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

Line read_line(std::string_view text, std::int32_t number, Problems& problems) {
  Line line{.indented = !text.empty() && is_space(text.front())};
  std::size_t i = 0;
  while (i < text.size()) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    if (text[i] == '#') break;
    Word word{.at = {number, static_cast<std::int32_t>(i) + 1}};
    bool quoted = false;
    for (; i < text.size() && (quoted || !is_space(text[i])); ++i) {
      if (text[i] == '"')
        quoted = !quoted;
      else
        word.text += text[i];
    }
    if (quoted) problems.add(word.at, "a quote is not closed");
    line.words.push_back(std::move(word));
  }
  return line;
}

}  // namespace

void Problems::add(Place at, std::string message) {
  if (!first_) first_ = Problem{at, std::move(message)};
}

Error Problems::error(std::string_view name) const {
  return {ErrorKind::invalid, fmt::format("{}:{}:{}: {}", name, first_->at.line, first_->at.column, first_->message)};
}

std::vector<Line> read_lines(std::string_view text, Problems& problems) {
  std::vector<Line> lines;
  if (text.size() > text_max) {
    problems.add({1, 1}, "a scenario is at most 1 MiB long");
    return lines;
  }
  for (std::int32_t number = 1; !text.empty() && !problems.any(); ++number) {
    const auto end = text.find('\n');
    auto line = read_line(text.substr(0, end), number, problems);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!line.words.empty()) lines.push_back(std::move(line));
    if (lines.size() > lines_max) problems.add({number, 1}, "a scenario has at most 20000 lines");
  }
  return lines;
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  double sum = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto value = take_number(text);
    if (!value || *value < 0) return std::nullopt;
    const Unit* unit = nullptr;
    for (const auto& one : units)
      if (unit == nullptr && text.starts_with(one.name)) unit = &one;
    if (unit == nullptr) return std::nullopt;
    text.remove_prefix(unit->name.size());
    sum += *value * unit->seconds;
    if (sum > duration_max) return std::nullopt;
  }
  return from_seconds(sum);
}

std::optional<double> parse_number(std::string_view text) {
  const auto value = take_number(text);
  return value && text.empty() ? value : std::nullopt;
}

std::optional<double> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  auto value = parse_number(text);
  if (value && percent) *value /= 100;
  return value && *value >= 0 && *value <= 1 ? value : std::nullopt;
}

Place WordReader::place() const {
  if (next_ < words_.size()) return words_[next_].at;
  if (words_.empty()) return {};
  const auto& last = words_.back();
  return {last.at.line, last.at.column + static_cast<std::int32_t>(last.text.size())};
}

Word WordReader::take(std::string_view expected) {
  if (next_ < words_.size()) return words_[next_++];
  problems_.add(place(), fmt::format("{} is missing", expected));
  return {.text = "", .at = place()};
}

bool WordReader::accept(std::string_view text) {
  if (at_end() || peek().text != text) return false;
  ++next_;
  return true;
}

void WordReader::expect(std::string_view text) {
  if (!accept(text)) problems_.add(place(), fmt::format("'{}' is expected here", text));
}

void WordReader::finish() {
  if (next_ < words_.size()) problems_.add(place(), fmt::format("'{}' is not understood here", words_[next_].text));
}

Duration WordReader::duration(std::string_view expected) {
  const auto word = take(expected);
  const auto value = parse_duration(word.text);
  if (!value) problems_.add(word.at, fmt::format("{} is expected as 30s, 5m or 1h30m, not '{}'", expected, word.text));
  return value.value_or(Duration::zero());
}

double WordReader::number(std::string_view expected, double low, double high) {
  const auto word = take(expected);
  const auto value = parse_number(word.text);
  if (value && *value >= low && *value <= high) return *value;
  problems_.add(word.at,
                fmt::format("{} is expected as a number from {:g} to {:g}, not '{}'", expected, low, high, word.text));
  return low;
}

std::int32_t WordReader::integer(std::string_view expected, std::int32_t low, std::int32_t high) {
  const auto at = place();
  const double value = number(expected, low, high);
  if (value != std::floor(value)) problems_.add(at, fmt::format("{} is a whole number", expected));
  return static_cast<std::int32_t>(value);
}

std::optional<Word> WordReader::option(std::string_view key) {
  for (auto i = next_; i < words_.size(); ++i) {
    const std::string_view text = words_[i].text;
    if (text.size() <= key.size() || !text.starts_with(key) || text[key.size()] != '=') continue;
    Word value{.text = std::string{text.substr(key.size() + 1)}, .at = words_[i].at};
    value.at.column += static_cast<std::int32_t>(key.size()) + 1;
    words_.erase(words_.begin() + static_cast<std::ptrdiff_t>(i));
    return value;
  }
  return std::nullopt;
}

std::optional<Duration> WordReader::duration_option(std::string_view key) {
  const auto word = option(key);
  if (!word) return std::nullopt;
  const auto value = parse_duration(word->text);
  if (!value) problems_.add(word->at, fmt::format("{}= takes a duration as 30s or 5m, not '{}'", key, word->text));
  return value;
}

std::optional<double> WordReader::number_option(std::string_view key, double low, double high) {
  const auto word = option(key);
  if (!word) return std::nullopt;
  const auto value = parse_number(word->text);
  if (value && *value >= low && *value <= high) return value;
  problems_.add(word->at, fmt::format("{}= takes a number from {:g} to {:g}, not '{}'", key, low, high, word->text));
  return std::nullopt;
}

std::optional<std::int32_t> WordReader::integer_option(std::string_view key, std::int32_t low, std::int32_t high) {
  const auto value = number_option(key, low, high);
  return value ? std::optional{static_cast<std::int32_t>(*value)} : std::nullopt;
}

}  // namespace tidegate
