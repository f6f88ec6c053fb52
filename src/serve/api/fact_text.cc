#include "serve/api/fact_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>

namespace tidegate {
namespace {

// Scenario time starts at the epoch; nothing real happened in the 1970s.
constexpr Instant first_real{std::chrono::hours{24 * 3650}};

enum class Unit : std::uint8_t { plain, duration, per_second, requests, replicas, tokens, dollars };

struct NameRule {
  std::string_view name;
  Unit unit;
};

constexpr auto whole_names = std::to_array<NameRule>({
    {"rate", Unit::per_second},    {"arrivals", Unit::per_second}, {"expected", Unit::per_second},
    {"in_flight", Unit::requests}, {"queued", Unit::requests},     {"slots", Unit::requests},
    {"residence", Unit::duration}, {"horizon", Unit::duration},    {"age", Unit::duration},
    {"slack", Unit::duration},     {"bound", Unit::duration},      {"measured", Unit::duration},
    {"interval", Unit::duration},  {"floor", Unit::replicas},      {"ceiling", Unit::replicas},
    {"ready", Unit::replicas},     {"warming", Unit::replicas},    {"committed", Unit::replicas},
    {"present", Unit::replicas},   {"forecast", Unit::replicas},   {"drain", Unit::replicas},
});
constexpr auto endings = std::to_array<NameRule>({
    {"_time", Unit::duration},
    {"_seconds", Unit::duration},
    {"_age", Unit::duration},
    {"_period", Unit::duration},
    {"_rate", Unit::per_second},
    {"_requests", Unit::requests},
    {"_slots", Unit::requests},
    {"_replicas", Unit::replicas},
    {"_tokens", Unit::tokens},
    {"_per_hour", Unit::dollars},
});

Unit unit_of(std::string_view name) {
  for (const auto& rule : whole_names)
    if (rule.name == name) return rule.unit;
  if (name.starts_with("rate_") || name.starts_with("peak_")) return Unit::per_second;  // quantiles of rates
  for (const auto& rule : endings)
    if (name.ends_with(rule.name)) return rule.unit;
  return Unit::plain;
}

}  // namespace

std::string number_text(double value) {
  if (!std::isfinite(value)) return "unknown";
  const double size = std::abs(value);
  if (size < 1e15 && value == std::round(value)) return fmt::format("{:.0f}", value == 0 ? 0.0 : value);
  if (size >= 100) return fmt::format("{:.0f}", value);
  return fmt::format("{:.3g}", value);
}

std::string time_text(Instant at) {
  if (at < first_real) return to_text(at.time_since_epoch());
  return fmt::format("{:%Y-%m-%d %H:%M:%S}Z", std::chrono::floor<std::chrono::seconds>(at));
}

std::string near_time_text(Instant at, Instant now) {
  const auto apart = at > now ? at - now : now - at;
  if (at < first_real || apart > 24h) return time_text(at);
  return fmt::format("{:%H:%M:%S}Z", std::chrono::floor<std::chrono::seconds>(at));
}

std::string fact_text(std::string_view name, double value) {
  const auto number = number_text(value);
  if (!std::isfinite(value)) return fmt::format("{} {}", name, number);
  switch (unit_of(name)) {
    case Unit::duration:
      return fmt::format("{} {}", name, to_text(from_seconds(value)));
    case Unit::per_second:
      return fmt::format("{} {}/s", name, number);
    case Unit::requests:
      return fmt::format("{} {} request{}", name, number, value == 1 ? "" : "s");
    case Unit::replicas:
      return fmt::format("{} {} replica{}", name, number, value == 1 ? "" : "s");
    case Unit::tokens:
      return fmt::format("{} {} tokens", name, number);
    case Unit::dollars:
      return fmt::format("{} ${:.2f}/h", name, value);
    case Unit::plain:
      return fmt::format("{} {}", name, number);
  }
  return fmt::format("{} {}", name, number);
}

}  // namespace tidegate
