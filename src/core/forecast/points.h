// The forecasters' points: one number per forecaster and horizon; the spread around it is learned
// (residual_histogram.h). In the order of `Forecaster`:
//   level          the two-minute level stays; what the last bins prove moves it at once (forecast.cc)
//   recent_max     the highest 10-second rate of the last 10 to 60 minutes (longer for longer horizons)
//   seasonal_day   the level, times what this time of day did on earlier days between now and the horizon
//   seasonal_hour  the mean of the hour, times what that minute of the hour does (clock-driven surges)
//   longrun        the mean of the day
#pragma once

#include <array>
#include <cstdint>

#include "core/forecast/demand_history.h"

namespace tidegate {

using Points = std::array<std::array<float, point_forecasters>, horizons>;

// As seen from the end of bin `bin`.
[[nodiscard]] Points predict_points(const DemandHistory& history, std::int64_t bin);

// Mean rate of the slot of ten minutes on the seven days before it; negative when none is known.
[[nodiscard]] double earlier_days(const DemandHistory& history, std::int64_t slot);

// A rate in 16 bits (bfloat16, error at most 0.4 %); 0xffff is missing.
inline constexpr std::uint16_t slot_missing = 0xffff;
[[nodiscard]] std::uint16_t slot_code(double rate);
[[nodiscard]] double slot_rate(std::uint16_t code);

}  // namespace tidegate
