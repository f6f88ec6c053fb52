#include "serve/config/quantities.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace tidegate {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t size = 1;
};

constexpr std::array duration_units{Unit{"d", 86'400'000'000'000},
                                    Unit{"h", 3'600'000'000'000},
                                    Unit{"m", 60'000'000'000},
                                    Unit{"s", 1'000'000'000},
                                    Unit{"ms", 1'000'000},
                                    Unit{"us", 1'000},
                                    Unit{"ns", 1}};
constexpr std::array bytes_units{Unit{"TiB", 1LL << 40},    Unit{"GiB", 1LL << 30}, Unit{"MiB", 1LL << 20},
                                 Unit{"KiB", 1LL << 10},    Unit{"B", 1},           Unit{"TB", 1'000'000'000'000},
                                 Unit{"GB", 1'000'000'000}, Unit{"MB", 1'000'000},  Unit{"kB", 1'000}};
constexpr Duration duration_limit = std::chrono::hours{24 * 3653};
constexpr double bytes_limit = 9.2e18;
constexpr double price_limit = 1e6;

std::unexpected<QuantityError> refuse(std::string code, std::string message, std::string help) {
  return std::unexpected(QuantityError{std::move(code), std::move(message), std::move(help)});
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// A plain decimal: digits with at most one point. Kept apart, so that whole units stay exact.
struct Decimal {
  std::int64_t whole = 0;
  double fraction = 0;
  [[nodiscard]] double value() const { return static_cast<double>(whole) + fraction; }
  [[nodiscard]] std::int64_t times(std::int64_t unit) const {
    return whole * unit + std::llround(fraction * static_cast<double>(unit));
  }
};

// Takes a decimal of at most fifteen digits off the front of the text.
std::optional<Decimal> take_decimal(std::string_view& text) {
  std::size_t length = 0, points = 0, digits = 0;
  while (length < text.size() && (is_digit(text[length]) || text[length] == '.')) {
    points += text[length] == '.';
    digits += is_digit(text[length]);
    ++length;
  }
  if (digits == 0 || digits > 15 || points > 1 || text[length - 1] == '.') return std::nullopt;
  const auto number = text.substr(0, length);
  text.remove_prefix(length);
  Decimal decimal;
  const auto point = std::min(number.find('.'), number.size());
  for (const char c : number.substr(0, point)) decimal.whole = decimal.whole * 10 + (c - '0');
  if (point < number.size()) {
    const auto fraction = std::string{"0"} + std::string{number.substr(point)};
    std::from_chars(fraction.data(), fraction.data() + fraction.size(), decimal.fraction);
  }
  return decimal;
}

bool is_bare_number(std::string_view text) { return take_decimal(text).has_value() && text.empty(); }

std::string_view take_unit(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && !is_digit(text[length]) && text[length] != '.' && text[length] != ' ') ++length;
  const auto unit = text.substr(0, length);
  text.remove_prefix(length);
  return unit;
}

std::unexpected<QuantityError> not_a_duration(std::string_view text) {
  return refuse("bad_unit", fmt::format("`{}` is not a duration", text),
                "write a number with a unit, such as `800ms`, `2s`, `5m` or `1h30m`");
}

}  // namespace

Read<Duration> read_duration(std::string_view given) {
  auto text = trimmed(given);
  if (is_bare_number(text)) {
    std::string_view digits = text;
    const auto big = take_decimal(digits)->value() >= 100;
    return refuse("missing_unit", fmt::format("`{}` has no unit", text),
                  big ? fmt::format("write `{0}ms` or `{0}s`", text) : fmt::format("write `{0}s` or `{0}ms`", text));
  }
  std::int64_t total = 0;
  std::int64_t last_size = std::numeric_limits<std::int64_t>::max();
  if (text.empty()) return not_a_duration(given);
  while (!text.empty()) {
    const auto number = take_decimal(text);
    if (!number) return not_a_duration(given);
    auto name = take_unit(text);
    if (name == "min") name = "m";
    const Unit* unit = nullptr;
    for (const auto& known : duration_units)
      if (known.name == name) unit = &known;
    if (!unit) return not_a_duration(given);
    if (unit->size >= last_size)
      return refuse("bad_unit", fmt::format("the units of `{}` do not go from large to small", given),
                    "write each unit once, the largest first: `1h30m`");
    last_size = unit->size;
    if (number->value() * static_cast<double>(unit->size) > static_cast<double>(duration_limit.count()))
      return refuse("out_of_range", fmt::format("`{}` is longer than ten years", given), "write a shorter time");
    total += number->times(unit->size);
  }
  if (Duration{total} > duration_limit)
    return refuse("out_of_range", fmt::format("`{}` is longer than ten years", given), "write a shorter time");
  return Duration{total};
}

Read<Bytes> read_bytes(std::string_view given) {
  auto text = trimmed(given);
  if (is_bare_number(text)) {
    std::string_view digits = text;
    const bool big = take_decimal(digits)->value() > 4096;
    return refuse("missing_unit", fmt::format("`{}` has no unit", text),
                  big ? fmt::format("write `{}B`", text) : fmt::format("write `{0}GiB` or `{0}MiB`", text));
  }
  const auto number = take_decimal(text);
  const auto name = trimmed(text);
  if (number) {
    for (const auto& unit : bytes_units) {
      if (unit.name != name) continue;
      if (number->value() * static_cast<double>(unit.size) > bytes_limit)
        return refuse("out_of_range", fmt::format("`{}` is more than any machine holds", given), "check the unit");
      return Bytes{number->times(unit.size)};
    }
    for (const auto& unit : bytes_units)
      if (!name.empty() && unit.name.substr(0, 1) == name.substr(0, 1))
        return refuse("bad_unit", fmt::format("`{}` is not a size: `{}` is not a unit", given, name),
                      fmt::format("write the unit as `{}`", unit.name));
  }
  return refuse("bad_unit", fmt::format("`{}` is not a size", given),
                "write a number with a unit, such as `24GiB` or `512MiB`");
}

Read<MicroUsdPerHour> read_price(std::string_view given) {
  const auto help = std::string{"write US dollars per hour, such as `$3.50/h`"};
  auto text = trimmed(given);
  if (is_bare_number(text) && text.find_first_of("123456789") != std::string_view::npos)
    return refuse("missing_unit", fmt::format("`{}` has no unit", text), fmt::format("write `${}/h`", text));
  const bool dollars = text.starts_with('$');
  if (dollars) text.remove_prefix(1);
  const auto number = take_decimal(text);
  if (number && number->value() == 0)
    return refuse("out_of_range", fmt::format("the price `{}` is nothing", given),
                  "leave the price out when it is unknown; then GPU-hours are the cost");
  if (!number || text != "/h")
    return refuse("bad_unit", fmt::format("`{}` is not a price", given),
                  number && text.empty() ? fmt::format("say per which time: `{}/h`", given) : help);
  if (!dollars)
    return refuse("bad_unit", fmt::format("`{}` is not a price: the currency is missing", given),
                  fmt::format("write `${}`", trimmed(given)));
  const auto price = number->value() > price_limit ? 0 : number->times(1'000'000);
  if (price <= 0)
    return refuse("out_of_range", fmt::format("the price `{}` is not between $0.000001/h and $1000000/h", given),
                  "leave the price out when it is unknown; then GPU-hours are the cost");
  return MicroUsdPerHour{price};
}

Read<double> read_share(std::string_view given) {
  auto text = trimmed(given);
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  const auto number = take_decimal(text);
  if (!number || !text.empty())
    return refuse("bad_number", fmt::format("`{}` is not a share", given), "write `80%` or `0.8`");
  const double share = percent ? number->value() / 100 : number->value();
  if (share > 1)
    return refuse("out_of_range", fmt::format("the share `{}` is more than everything", given),
                  percent ? "a share is at most `100%`" : fmt::format("write `{}%`", trimmed(given)));
  return share;
}

Read<RateLimit> read_rate(std::string_view given) {
  const auto help = std::string{"write how many replicas in which time, such as `4 per 1m`"};
  const auto at = given.find(" per ");
  if (at == std::string_view::npos) return refuse("bad_unit", fmt::format("`{}` is not a rate", given), help);
  const auto change = read_integer(trimmed(given.substr(0, at)));
  auto period = read_duration(trimmed(given.substr(at + 5)));
  if (!period) return std::unexpected(std::move(period.error()));
  if (!change || *change < 1 || *change > 100'000 || *period < 1s)
    return refuse("out_of_range", fmt::format("`{}` is not a rate of whole replicas in at least a second", given),
                  help);
  return RateLimit{Replicas{static_cast<std::int32_t>(*change)}, *period};
}

Read<double> read_number(std::string_view given) {
  double value = 0;
  const auto text = trimmed(given);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return refuse("bad_number", fmt::format("`{}` is not a number", given),
                  "write a plain number, such as `8` or `0.5`");
  return value;
}

Read<std::int64_t> read_integer(std::string_view given) {
  std::int64_t value = 0;
  const auto text = trimmed(given);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size())
    return refuse("bad_number", fmt::format("`{}` is not a whole number", given), "write a whole number, such as `4`");
  return value;
}

Read<bool> read_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  const bool yes = text == "yes" || text == "on" || text == "True" || text == "TRUE";
  return refuse("bad_boolean", fmt::format("`{}` is neither true nor false", text),
                yes ? "write `true`" : "write `true` or `false`");
}

std::string exact_text(Duration value) {
  if (value == Duration::zero()) return "0s";
  std::string text;
  auto rest = value.count();
  for (const auto& unit : duration_units) {
    if (rest >= unit.size) text += fmt::format("{}{}", rest / unit.size, unit.name);
    rest %= unit.size;
  }
  return text;
}

std::string exact_text(Bytes value) {
  for (const auto& unit : bytes_units)
    if (value.value() % unit.size == 0 && value.value() >= unit.size)
      return fmt::format("{}{}", value.value() / unit.size, unit.name);
  return "0B";
}

std::string exact_text(MicroUsdPerHour value) {
  auto fraction = fmt::format("{:06}", value.value() % 1'000'000);
  while (fraction.size() > 2 && fraction.back() == '0') fraction.pop_back();
  return fmt::format("${}.{}/h", value.value() / 1'000'000, fraction);
}

std::string exact_text(const RateLimit& value) {
  return fmt::format("{} per {}", value.change.value(), exact_text(value.period));
}

}  // namespace tidegate
