// The lowest layer of the scenario language: lines of words with their places, and the values words stand for.
//
// A word ends at white space outside double quotes; quotes are taken off; "#" outside quotes begins a comment.
// A line that begins at column one starts a block, an indented one belongs to it. Nothing here throws; the first
// problem found is kept with its place, and readers after it return harmless defaults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_text.h"
#include "core/base/error.h"
#include "core/base/quantity.h"
#include "core/base/time.h"

namespace tidegate {

struct Place {
  std::int32_t line = 0;    // from 1
  std::int32_t column = 0;  // from 1
  friend bool operator==(const Place&, const Place&) = default;
};

struct Word {
  std::string text;
  Place at;
  friend bool operator==(const Word&, const Word&) = default;
};

struct Line {
  std::vector<Word> words;  // at least one
  bool indented = false;
};

// The first thing wrong with a scenario.
class Problems {
 public:
  void add(Place at, std::string message);
  [[nodiscard]] bool any() const { return first_.has_value(); }
  // "name:line:column: message"
  [[nodiscard]] Error error(std::string_view name) const;

 private:
  struct Problem {
    Place at;
    std::string message;
  };
  std::optional<Problem> first_;
};

// Refuses texts over 1 MiB or 20,000 lines.
[[nodiscard]] std::vector<Line> read_lines(std::string_view text, Problems& problems);

// "30s", "1h30m", "800ms", "5min"; never a bare number. At most 10 years.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
[[nodiscard]] std::optional<double> parse_number(std::string_view text);  // finite
[[nodiscard]] std::optional<double> parse_share(std::string_view text);   // "99%" or "0.99"

// Reads the words of one line in order; every problem names the word.
class WordReader {
 public:
  WordReader(const Line& line, Problems& problems) : words_(line.words), problems_(problems) {}

  [[nodiscard]] bool at_end() const { return next_ >= words_.size() || problems_.any(); }
  [[nodiscard]] const Word& peek() const { return words_[next_]; }
  [[nodiscard]] Place place() const;  // of the next word, or just past the last one
  // The next word; when there is none, a problem that says what was expected.
  Word take(std::string_view expected);
  // Takes the next word only if it reads so.
  bool accept(std::string_view text);
  void expect(std::string_view text);
  void finish();  // nothing may be left

  Duration duration(std::string_view expected);
  double number(std::string_view expected, double low, double high);
  std::int32_t integer(std::string_view expected, std::int32_t low, std::int32_t high);
  template <class Enum>
  Enum choice(std::string_view expected);

  // The value of "key=value" among the words that are left, taken out; nothing when it is not there.
  std::optional<Word> option(std::string_view key);
  std::optional<Duration> duration_option(std::string_view key);
  std::optional<double> number_option(std::string_view key, double low, double high);
  std::optional<std::int32_t> integer_option(std::string_view key, std::int32_t low, std::int32_t high);

  Problems& problems() { return problems_; }

 private:
  std::vector<Word> words_;
  std::size_t next_ = 0;
  Problems& problems_;
};

template <class Enum>
Enum WordReader::choice(std::string_view expected) {
  const auto word = take(expected);
  if (const auto value = from_text<Enum>(word.text)) return *value;
  std::string known;
  for (const auto& entry : enum_texts<Enum>) known += (known.empty() ? "" : ", ") + std::string{entry.text};
  problems_.add(word.at, "unknown " + std::string{expected} + " '" + word.text + "': one of " + known);
  return Enum{};
}

}  // namespace tidegate
