// AWS predictive scaling beside target tracking: a forecast per hour that raises the size ahead of the hour.
//
//   load[h]     = mean of the metric summed over the instances in hour h; up to 14 days of them, forecasts from 24 h on
//   forecast[h] = median of the same hour of the week, once there are 7 days of history; else the hour a day before
//                 made every 6 hours, for 48 hours ahead
//   capacity[h] = ceil(forecast[h] / T)
//   from `scheduling_buffer_time` before hour h to its end:  size = max(size, capacity[h])
//   size is otherwise target tracking's (aws_target_tracking.h), which alone removes, and never below the forecast
//
// Worked: T = 8 and an hour that had 100 in flight on average yesterday: ceil(100 / 8) = 13 replicas from 5 minutes
// before that hour on. Mode `forecast_only`, AWS's own default, shows the forecast and changes nothing.
//
// AWS's forecaster is not published; the median above stands for it. Beyond the service's maximum nothing is bought
// (HonorMaxCapacity). Instances are taken as alike, as AWS does.
#pragma once

#include <array>

#include "core/policy/peers/aws_target_tracking.h"
#include "core/policy/peers/seasonal_history.h"

namespace tidegate {

struct AwsPredictiveMemory {
  static constexpr std::size_t hours_ahead = 48;
  AwsTargetTrackingMemory tracking;
  SeasonalHistory history;
  std::int64_t forecast_from = 0;             // hour of the first forecast
  std::array<float, hours_ahead> forecast{};  // load; negative: none
  bool has_forecast = false;

  friend bool operator==(const AwsPredictiveMemory&, const AwsPredictiveMemory&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(tracking, history, forecast_from, forecast, has_forecast);
  }
};

[[nodiscard]] Proposal propose(const AwsPredictivePolicy& policy, AwsPredictiveMemory& memory,
                               const PolicyInput& input);

}  // namespace tidegate
