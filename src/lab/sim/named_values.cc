#include "lab/sim/named_values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

#include "lab/sim/traffic_fields.h"

namespace tidegate {

NamedValues::NamedValues(std::string_view text) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const auto pair = text.substr(0, comma);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos)
      complain(fmt::format("'{}' is not NAME=VALUE", pair));
    else
      pairs_.push_back({.name = pair.substr(0, equals), .value = pair.substr(equals + 1)});
    if (comma == std::string_view::npos) return;
    text.remove_prefix(comma + 1);
  }
}

void NamedValues::complain(std::string message) {
  if (!problem_) problem_ = std::move(message);
}

std::optional<std::string_view> NamedValues::take(std::string_view name) {
  known_.push_back(name);
  for (auto& pair : pairs_)
    if (pair.name == name && !std::exchange(pair.taken, true)) return pair.value;
  return std::nullopt;
}

void NamedValues::number(std::string_view name, double& into, double least, double most) {
  const auto text = take(name);
  if (!text) return;
  const auto value = read_amount(*text);
  if (value && *value >= least && *value <= most)
    into = *value;
  else
    complain(fmt::format("{} is a number from {:g} to {:g}, not '{}'", name, least, most, *text));
}

void NamedValues::whole(std::string_view name, std::int32_t& into, std::int32_t least, std::int32_t most) {
  double value = into;
  number(name, value, least, most);
  into = static_cast<std::int32_t>(value);
}

void NamedValues::duration(std::string_view name, Duration& into) {
  const auto text = take(name);
  if (!text) return;
  if (const auto value = read_span(*text))
    into = *value;
  else
    complain(fmt::format("{} is a time with its unit, as 800ms, 20s, 10m, 2h or 7d, not '{}'", name, *text));
}

std::optional<std::string_view> NamedValues::word(std::string_view name) { return take(name); }

Result<void> NamedValues::finish() const {
  if (problem_) return fail(ErrorKind::invalid, *problem_);
  for (const auto& pair : pairs_)
    if (!pair.taken)
      return fail(ErrorKind::invalid, fmt::format("'{}' is not known here, or given twice; there are {}", pair.name,
                                                  fmt::join(known_, ", ")));
  return {};
}

std::optional<Duration> read_span(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 5> units{
      {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
  for (const auto& [unit, factor] : units) {
    if (!text.ends_with(unit)) continue;
    const auto value = read_amount(text.substr(0, text.size() - unit.size()));
    if (value && *value * factor <= 1e10) return from_seconds(*value * factor);
  }
  return std::nullopt;
}

}  // namespace tidegate
