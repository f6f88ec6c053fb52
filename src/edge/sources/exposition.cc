#include "edge/sources/exposition.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/check.h"

namespace tidegate {

namespace {

constexpr std::size_t series_slots_first = 1024;

// Powers of ten that a double holds exactly.
constexpr std::array<double, 23> powers_of_ten = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct NameChars {
  std::array<bool, 256> inside{};
  constexpr NameChars() {
    for (int c = 0; c < 256; ++c)
      inside[static_cast<std::size_t>(c)] =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
  }
};
constexpr NameChars name_chars;

bool is_name_char(char c) { return name_chars.inside[static_cast<unsigned char>(c)]; }

std::string_view trimmed_left(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && is_blank(text[i])) ++i;
  return text.substr(i);
}

// Digits with at most one point, 15 significant at most: m / 10^k of two exact doubles is rounded once, so exact.
std::optional<double> parse_plain(std::string_view text) {
  std::size_t i = 0;
  const bool negative = text[0] == '-';
  if (negative) ++i;
  if (text.size() > 17) return std::nullopt;  // 15 digits, a sign and a point at most
  std::uint64_t digits = 0;
  std::size_t count = 0, decimals = 0;
  bool point = false;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (is_digit(c)) {
      digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
      ++count;
      decimals += point ? 1 : 0;
    } else if (c == '.' && !point) {
      point = true;
    } else {
      return std::nullopt;
    }
  }
  if (count == 0 || count > 15) return std::nullopt;
  const double value = static_cast<double>(digits) / powers_of_ten[decimals];
  return negative ? -value : value;
}

// The closing brace of a line that ends in `"} value`, or npos. What follows the labels of a sound line holds neither
// braces nor quotes unless there is an exemplar, which has a '#': so a brace right before the last blank is the one
// that closes the labels, and nobody has to walk through them.
std::size_t end_of_labels_before_value(std::string_view line, std::size_t open) {
  std::size_t i = line.size();
  while (i > open && !is_blank(line[i - 1])) --i;
  if (i < open + 4 || line[i - 2] != '}' || line[i - 3] != '"' || i == line.size()) return std::string_view::npos;
  if (std::memchr(line.data() + open, '#', line.size() - open) != nullptr) return std::string_view::npos;
  return i - 2;
}

// Where the label block ends that begins at `open` ('{'): the brace outside quotes.
std::size_t end_of_labels(std::string_view line, std::size_t open) {
  if (const std::size_t close = end_of_labels_before_value(line, open); close != std::string_view::npos) return close;
  std::size_t i = open + 1;
  while (i < line.size()) {
    const char c = line[i];
    if (c == '}') return i;
    if (c != '"') {
      ++i;
      continue;
    }
    for (++i;; ++i) {
      const void* quote = i < line.size() ? std::memchr(line.data() + i, '"', line.size() - i) : nullptr;
      if (quote == nullptr) return std::string_view::npos;
      const std::size_t at = static_cast<std::size_t>(static_cast<const char*>(quote) - line.data());
      std::size_t slashes = 0;
      while (at > i + slashes && line[at - 1 - slashes] == '\\') ++slashes;
      i = at;
      if (slashes % 2 == 0) break;
    }
    ++i;
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<double> parse_sample_value(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (const auto plain = parse_plain(text)) return plain;
  if (text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || text.front() == '+' || text.front() == '-') return std::nullopt;
  }
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (code == std::errc::result_out_of_range) {
    // from_chars leaves the value alone: too large is infinite, too small is zero.
    const std::size_t exponent = text.find_first_of("eE");
    const bool small = exponent != std::string_view::npos && exponent + 1 < text.size() && text[exponent + 1] == '-';
    value = small ? 0 : std::numeric_limits<double>::infinity();
    return text.front() == '-' ? -value : value;
  }
  if (code != std::errc{}) return std::nullopt;
  return value;
}

std::optional<LabelCursor::Label> LabelCursor::next() {
  rest_ = trimmed_left(rest_);
  if (rest_.empty() || is_broken_) return std::nullopt;
  const auto broken = [&]() -> std::optional<Label> {
    is_broken_ = true;
    return std::nullopt;
  };
  std::size_t end = 0;
  while (end < rest_.size() && is_name_char(rest_[end])) ++end;
  Label label{.name = rest_.substr(0, end)};
  rest_ = trimmed_left(rest_.substr(end));
  if (label.name.empty() || !rest_.starts_with('=')) return broken();
  rest_ = trimmed_left(rest_.substr(1));
  if (!rest_.starts_with('"')) return broken();
  std::size_t close = 1;
  while (close < rest_.size() && rest_[close] != '"') close += rest_[close] == '\\' ? 2 : 1;
  if (close >= rest_.size()) return broken();
  label.value = rest_.substr(1, close - 1);
  rest_ = trimmed_left(rest_.substr(close + 1));
  if (rest_.starts_with(','))
    rest_.remove_prefix(1);
  else if (!rest_.empty())
    return broken();
  return label;
}

std::string unescaped(std::string_view label_value) {
  std::string plain;
  for (std::size_t i = 0; i < label_value.size(); ++i) {
    if (label_value[i] != '\\' || i + 1 == label_value.size()) {
      plain += label_value[i];
      continue;
    }
    const char c = label_value[++i];
    if (c == 'n')
      plain += '\n';
    else if (c == '\\' || c == '"')
      plain += c;
    else
      (plain += '\\') += c;
  }
  return plain;
}

std::optional<std::string_view> find_label(std::string_view labels, std::string_view name) {
  LabelCursor cursor{labels};
  while (const auto label = cursor.next())
    if (label->name == name) return label->value;
  return std::nullopt;
}

NameSet::NameSet(std::vector<std::string> names) : names_(std::move(names)) {
  CHECK(names_.size() < 8192);
  std::size_t slots = 64;
  while (slots < names_.size() * 4) slots *= 2;
  slots_.assign(slots, -1);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (find(names_[i]) >= 0) continue;
    std::size_t slot = slot_of(names_[i], slots - 1);
    while (slots_[slot] >= 0) slot = (slot + 1) & (slots - 1);
    slots_[slot] = static_cast<std::int16_t>(i);
  }
}

std::size_t NameSet::slot_of(std::string_view name, std::size_t mask) {
  if (name.empty()) return 0;
  // Metric names differ in length, at the end ("_bucket", "_sum") and in the middle.
  const auto at = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(name[i])); };
  const std::size_t n = name.size();
  return (n * 131 + at(n - 1) * 31 + at(n / 2) * 7 + at(n / 3) * 61 + at(n - 1 - n / 4) * 17) & mask;
}

int NameSet::find(std::string_view name) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = slot_of(name, mask); slots_[slot] >= 0; slot = (slot + 1) & mask)
    if (names_[static_cast<std::size_t>(slots_[slot])] == name) return slots_[slot];
  return -1;
}

ExpositionScanner::ExpositionScanner(const NameSet& wanted, ExpositionLimits limits)
    : wanted_(wanted), limits_(limits), series_(series_slots_first) {}

void ExpositionScanner::begin() {
  summary_ = {};
  bytes_ = 0;
  carry_.clear();
  last_name_.clear();
  last_index_ = -1;
  if (series_count_ > 0) std::ranges::fill(series_, 0);
  series_count_ = 0;
}

Result<void> ExpositionScanner::feed(std::string_view bytes, const Sink& sink) {
  bytes_ += bytes.size();
  if (bytes_ > limits_.page_bytes_max) return std::unexpected(error_of(Fault::page_too_large));
  while (!bytes.empty()) {
    const void* found = std::memchr(bytes.data(), '\n', bytes.size());
    const bool complete = found != nullptr;
    const std::size_t length =
        complete ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) : bytes.size();
    if (carry_.size() + length > limits_.line_bytes_max) {
      ++summary_.lines;
      return std::unexpected(error_of(Fault::line_too_long));
    }
    if (!complete) {
      carry_.append(bytes);
      return {};
    }
    std::string_view line = bytes.substr(0, length);
    if (!carry_.empty()) {
      carry_.append(line);
      line = carry_;
    }
    ++summary_.lines;
    if (const Fault fault = scan_line(line, sink); fault != Fault::none) return std::unexpected(error_of(fault));
    carry_.clear();
    bytes.remove_prefix(length + 1);
  }
  return {};
}

Result<ExpositionSummary> ExpositionScanner::finish() {
  // OpenMetrics lets the last "# EOF" do without its line break.
  if (carry_ == "# EOF" && !summary_.ended) {
    summary_.ended = true;
    ++summary_.lines;
    carry_.clear();
  }
  if (!carry_.empty())
    return fail(ErrorKind::failed,
                fmt::format("the metrics page ends within line {}: it was cut off", summary_.lines + 1));
  return summary_;
}

Result<ExpositionSummary> ExpositionScanner::scan(std::string_view page, const Sink& sink) {
  begin();
  if (auto fed = feed(page, sink); !fed) return std::unexpected(fed.error());
  return finish();
}

ExpositionScanner::Fault ExpositionScanner::scan_comment(std::string_view line) {
  if (line == "# EOF") summary_.ended = true;
  return Fault::none;
}

ExpositionScanner::Fault ExpositionScanner::scan_line(std::string_view line, const Sink& sink) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return Fault::none;
  if (summary_.ended) return Fault::after_end;
  if (line[0] == '#') return scan_comment(line);
  // Most lines have the name of the line before.
  const std::size_t known = last_name_.size();
  if (known > 0 && line.size() > known && !is_name_char(line[known]) &&
      std::memcmp(line.data(), last_name_.data(), known) == 0)
    return scan_sample(line, known, last_index_, sink);
  if (is_blank(line[0])) {
    line = trimmed_left(line);
    if (line.empty()) return Fault::none;
  }
  std::size_t end = 0;
  while (end < line.size() && is_name_char(line[end])) ++end;
  if (end == 0 || is_digit(line[0])) return Fault::no_name;
  last_name_.assign(line.substr(0, end));
  last_index_ = wanted_.find(last_name_);
  return scan_sample(line, end, last_index_, sink);
}

ExpositionScanner::Fault ExpositionScanner::scan_sample(std::string_view line, std::size_t name_end, int name,
                                                        const Sink& sink) {
  if (name_end >= line.size()) return Fault::no_value;
  if (name < 0) {
    // Passed over, but prose ("Not found") must not pass for a page without samples.
    if (line[name_end] == '{') return Fault::none;
    SeriesSample unused;
    return is_blank(line[name_end]) ? scan_tail(line.substr(name_end), unused) : Fault::no_name;
  }
  std::size_t open = name_end;
  while (open < line.size() && is_blank(line[open])) ++open;
  SeriesSample sample;
  std::size_t tail = name_end;
  if (open < line.size() && line[open] == '{') {
    const std::size_t close = end_of_labels(line, open);
    if (close == std::string_view::npos) return Fault::open_labels;
    sample.labels = line.substr(open + 1, close - open - 1);
    tail = close + 1;
  } else if (!is_blank(line[name_end])) {
    return Fault::no_name;
  }
  if (const Fault fault = scan_tail(line.substr(tail), sample); fault != Fault::none) return fault;
  if (series_count_ >= limits_.series_max) return Fault::too_many_series;
  if (!is_new_series(line.substr(0, tail))) {
    ++summary_.duplicates;
    return Fault::none;
  }
  ++summary_.samples;
  sink(name, sample);
  return Fault::none;
}

ExpositionScanner::Fault ExpositionScanner::scan_tail(std::string_view tail, SeriesSample& sample) const {
  tail = trimmed_left(tail);
  std::size_t end = 0;
  while (end < tail.size() && !is_blank(tail[end])) ++end;
  if (end == 0) return Fault::no_value;
  const auto value = parse_sample_value(tail.substr(0, end));
  if (!value) return Fault::bad_value;
  sample.value = *value;
  if (end == tail.size()) return Fault::none;
  tail = trimmed_left(tail.substr(end));
  if (tail.empty()) return Fault::none;
  if (tail[0] != '#') {
    end = 0;
    while (end < tail.size() && !is_blank(tail[end])) ++end;
    // Milliseconds in the Prometheus format, seconds with a point in OpenMetrics.
    const std::string_view text = tail.substr(0, end);
    const auto at = parse_sample_value(text);
    if (!at || !std::isfinite(*at) || std::abs(*at) > 1e15) return Fault::bad_timestamp;
    const bool in_seconds = text.find('.') != std::string_view::npos || std::abs(*at) < 1e11;
    sample.timestamp_ms = static_cast<std::int64_t>(in_seconds ? *at * 1000 : *at);
    tail = trimmed_left(tail.substr(end));
  }
  // What remains is an exemplar, which is not ours, or rubbish.
  return tail.empty() || tail[0] == '#' ? Fault::none : Fault::trailing;
}

bool ExpositionScanner::is_new_series(std::string_view key) {
  std::uint64_t hash = XXH3_64bits(key.data(), key.size());
  hash += hash == 0 ? 1 : 0;
  if (series_count_ * 2 >= series_.size()) {
    std::vector<std::uint64_t> larger(series_.size() * 4);
    for (std::uint64_t old : series_) {
      if (old == 0) continue;
      std::size_t slot = old & (larger.size() - 1);
      while (larger[slot] != 0) slot = (slot + 1) & (larger.size() - 1);
      larger[slot] = old;
    }
    series_ = std::move(larger);
  }
  const std::size_t mask = series_.size() - 1;
  std::size_t slot = hash & mask;
  for (; series_[slot] != 0; slot = (slot + 1) & mask)
    if (series_[slot] == hash) return false;
  series_[slot] = hash;
  ++series_count_;
  return true;
}

Error ExpositionScanner::error_of(Fault fault) const {
  const auto at = [&](std::string_view what) {
    return Error{ErrorKind::failed, fmt::format("line {} of the metrics page: {}", summary_.lines, what)};
  };
  switch (fault) {
    case Fault::none:
      break;
    case Fault::no_name:
      return at("no metric name where one should begin; is this a metrics page?");
    case Fault::no_value:
      return at("a name without a value");
    case Fault::open_labels:
      return at("labels that do not end");
    case Fault::bad_value:
      return at("the value is no number");
    case Fault::bad_timestamp:
      return at("the timestamp is no number");
    case Fault::trailing:
      return at("something follows the value that is neither timestamp nor exemplar");
    case Fault::after_end:
      return at("something follows # EOF");
    case Fault::line_too_long:
      return {ErrorKind::too_large, fmt::format("line {} of the metrics page is longer than {} bytes", summary_.lines,
                                                limits_.line_bytes_max)};
    case Fault::page_too_large:
      return {ErrorKind::too_large, fmt::format("the metrics page is larger than {} bytes", limits_.page_bytes_max)};
    case Fault::too_many_series:
      return {ErrorKind::too_large,
              fmt::format("the metrics page has more than {} series of the names read", limits_.series_max)};
  }
  CHECK(false);
  return {};
}

}  // namespace tidegate
