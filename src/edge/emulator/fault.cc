#include "edge/emulator/fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace tidegate {
namespace {

constexpr std::string_view known_faults =
    "slow=FACTOR, hang, crash, errors=SHARE, lying_readiness, metrics=absent, metrics=nan and metrics=stale";

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<Duration> duration(std::string_view text) {
  constexpr std::pair<std::string_view, double> units[] = {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
  for (const auto& [unit, factor] : units) {
    if (!text.ends_with(unit)) continue;
    const auto value = number(text.substr(0, text.size() - unit.size()));
    if (value && *value >= 0 && *value * factor < 1e8) return from_seconds(*value * factor);
  }
  return std::nullopt;
}

std::pair<std::string_view, std::optional<std::string_view>> split_at_equals(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return {word, std::nullopt};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

// Each answers what is wrong, empty when nothing is.
std::string set_kind(std::string_view word, ServerFault& fault) {
  const auto [name, value] = split_at_equals(word);
  if (name == "metrics") {
    const auto kind = from_text<ServerFaultKind>(fmt::format("metrics_{}", value.value_or("")));
    if (!kind) return "metrics is one of absent, nan and stale";
    fault.kind = *kind;
    return {};
  }
  const auto kind = from_text<ServerFaultKind>(name);
  if (!kind || name.starts_with("metrics"))
    return fmt::format("no fault is called '{}'; known are {}", name, known_faults);
  fault.kind = *kind;
  const bool is_slow = fault.kind == ServerFaultKind::slow, is_errors = fault.kind == ServerFaultKind::errors;
  if (!is_slow && !is_errors) return value ? fmt::format("{} takes no value", name) : std::string{};
  const auto given = value ? number(*value) : std::nullopt;
  if (is_slow && (!given || *given < 0.01 || *given > 10'000)) return "slow needs a factor from 0.01 to 10000: slow=4";
  if (is_errors && (!given || *given <= 0 || *given > 1)) return "errors needs a share above 0 and up to 1: errors=0.1";
  fault.value = *given;
  return {};
}

std::string set_condition(std::string_view word, ServerFault& fault) {
  const auto [name, value] = split_at_equals(word);
  if (name == "requests") {
    const auto given = value ? number(*value) : std::nullopt;
    if (!given || *given < 1 || *given > 1e15 || *given != std::floor(*given))
      return "requests needs a whole number of at least 1: requests=100";
    fault.requests = static_cast<std::uint64_t>(*given);
    return {};
  }
  if (name != "after" && name != "for")
    return fmt::format("no condition is called '{}'; known are after=, for= and requests=", name);
  const auto given = value ? duration(*value) : std::nullopt;
  if (!given) return fmt::format("{} needs a duration with its unit: {}=30s", name, name);
  if (name == "after")
    fault.after = *given;
  else
    fault.lasts = *given;
  return {};
}

}  // namespace

Result<ServerFault> parse_server_fault(std::string_view text) {
  ServerFault fault;
  bool is_first = true;
  for (std::string_view rest = text;; is_first = false) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    const std::string problem = is_first ? set_kind(word, fault) : set_condition(word, fault);
    if (!problem.empty()) return fail(ErrorKind::invalid, fmt::format("bad fault '{}': {}", text, problem));
    if (comma == std::string_view::npos) return fault;
    rest.remove_prefix(comma + 1);
  }
}

FaultSchedule::FaultSchedule(std::vector<ServerFault> faults) {
  for (const ServerFault& fault : faults) entries_.push_back({fault, std::nullopt});
  advance({});
}

void FaultSchedule::request_received(Duration now) {
  ++requests_;
  advance(now);
}

void FaultSchedule::advance(Duration now) {
  for (Entry& entry : entries_)
    if (!entry.begun && now >= entry.fault.after && requests_ >= entry.fault.requests)
      entry.begun = entry.fault.requests > 0 ? now : entry.fault.after;
}

bool FaultSchedule::is_on(ServerFaultKind kind, Duration now) const {
  return std::ranges::any_of(entries_, [&](const Entry& e) { return e.fault.kind == kind && e.is_on(now); });
}

double FaultSchedule::slowness(Duration now) const {
  double factor = 1;
  for (const Entry& entry : entries_)
    if (entry.fault.kind == ServerFaultKind::slow && entry.is_on(now)) factor *= entry.fault.value;
  return factor;
}

double FaultSchedule::error_share(Duration now) const {
  double share = 0;
  for (const Entry& entry : entries_)
    if (entry.fault.kind == ServerFaultKind::errors && entry.is_on(now)) share = std::max(share, entry.fault.value);
  return share;
}

std::optional<Duration> FaultSchedule::next_change(Duration now) const {
  std::optional<Duration> next;
  const auto consider = [&](Duration at) {
    if (at > now && (!next || at < *next)) next = at;
  };
  for (const Entry& entry : entries_) {
    if (!entry.begun)
      consider(entry.fault.after);
    else if (entry.fault.lasts)
      consider(*entry.begun + *entry.fault.lasts);
  }
  return next;
}

}  // namespace tidegate
