// Demand quantiles at any horizon, learned online from the arrivals seen.
//
// Decides: what rate of requests is to be expected `horizon` from now, as a distribution.
// Refuses to decide: how many replicas that is (core/capacity, core/policy).
//
// Several forecasters run side by side; each is scored online (pinball loss) at the horizons really used, and
// the trusted one is named. When the pattern breaks the answer is never below the recent maximum's quantile.
// Study behind it: docs/designs (a 2-minute level with online residual quantiles is the workhorse).
#pragma once

#include <array>
#include <cstdint>

#include "core/base/enum_text.h"
#include "core/base/time.h"
#include "core/forecast/demand_history.h"

namespace tidegate {

enum class Forecaster : std::uint8_t { level, recent_max, seasonal_day, seasonal_hour, longrun, idle_gap };
template <>
inline constexpr auto enum_texts<Forecaster> = std::to_array<EnumText<Forecaster>>({
    {Forecaster::level, "level"},
    {Forecaster::recent_max, "recent_max"},
    {Forecaster::seasonal_day, "seasonal_day"},
    {Forecaster::seasonal_hour, "seasonal_hour"},
    {Forecaster::longrun, "longrun"},
    {Forecaster::idle_gap, "idle_gap"},
});

// A distribution of a rate (requests per second) as its values at fixed probabilities.
struct RateQuantiles {
  static constexpr std::array<double, quantile_points> probabilities{0.05, 0.2,   0.35, 0.5,   0.65,  0.8,   0.9,
                                                                     0.95, 0.975, 0.99, 0.995, 0.999, 0.9995};
  std::array<double, quantile_points> rates{};

  // Linear between the grid points, flat outside. Monotone in q.
  [[nodiscard]] double at(double q) const;
  friend bool operator==(const RateQuantiles&, const RateQuantiles&) = default;
};

struct Forecast {
  RateQuantiles rate;  // at the horizon (value) or over it (peak)
  Forecaster trusted = Forecaster::level;
  double level = 0;          // the smoothed present, requests per second
  bool has_history = false;  // false until the level's window is full once
  bool broken = false;       // surprises of late: high quantiles hold at least the recent maximum
};

// Feeds one interval. `arrivals` is a count over (now - interval, now]. Missing intervals are told with
// `observe_gap`: they are not zero.
void observe(DemandHistory& history, Instant now, Duration interval, double arrivals);
void observe_gap(DemandHistory& history, Instant now);

// Below 10 s the answer is that of 10 s, beyond 4 h that of 4 h.
// The rate at now + horizon; and the highest 10-second rate within [now, now + horizon].
[[nodiscard]] Forecast forecast_at(const DemandHistory& history, Instant now, Duration horizon);
[[nodiscard]] Forecast forecast_peak(const DemandHistory& history, Instant now, Duration horizon);

}  // namespace tidegate
