#include "core/base/time.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace tidegate {

Duration from_seconds(double s) {
  if (std::isnan(s)) return Duration::zero();
  constexpr double limit = static_cast<double>(std::numeric_limits<Duration::rep>::max()) * 1e-9;
  if (s >= limit) return Duration::max();
  if (s <= -limit) return Duration::min();
  return Duration{static_cast<Duration::rep>(std::llround(s * 1e9))};
}

Instant instant_at(double seconds_since_epoch) { return Instant{from_seconds(seconds_since_epoch)}; }

std::string to_text(Duration d) {
  if (d < Duration::zero()) return "-" + to_text(-d);
  const auto ns = d.count();
  if (ns == 0) return "0s";
  if (ns < 1'000) return fmt::format("{}ns", ns);
  if (ns < 1'000'000) return fmt::format("{:.3g}us", static_cast<double>(ns) * 1e-3);
  if (ns < 1'000'000'000) return fmt::format("{:.3g}ms", static_cast<double>(ns) * 1e-6);
  if (ns < 60'000'000'000) return fmt::format("{:.3g}s", static_cast<double>(ns) * 1e-9);
  const auto whole = (ns + 500'000'000) / 1'000'000'000;
  const auto pair = [](auto big, const char* big_unit, auto small, const char* small_unit) {
    return small == 0 ? fmt::format("{}{}", big, big_unit) : fmt::format("{}{}{}{}", big, big_unit, small, small_unit);
  };
  if (whole < 3600) return pair(whole / 60, "m", whole % 60, "s");
  if (whole < 86400) return pair(whole / 3600, "h", whole % 3600 / 60, "m");
  return pair(whole / 86400, "d", whole % 86400 / 3600, "h");
}

}  // namespace tidegate
