// The one-step forecasts of the NVIDIA Dynamo planner: of a count per interval, from the counts of earlier ones.
//
//   constant  the last count
//   arima     the best of AR(0..2), on counts or their differences, by Akaike's criterion; where that is a plain mean
//             or drift, once more on log(1 + count)
//   kalman    level and trend: x = F x, P = F P F' + diag(1, 0.1), measured with variance 10
//   prophet   a straight line through the last 50 counts
//
// Leading zeros are skipped; fewer than five counts forecast the last one. `log1p` works on log(1 + count) throughout.
// Worked (kalman, settled): counts 10, 20, 30, 40 rise by 10 each; the next is foretold near 50.
//
// pmdarima's order search and Prophet's changepoints are not rebuilt; the original keeps ARIMA's first order for ever,
// here it is chosen anew from the last 64 counts.
#pragma once

#include <array>
#include <vector>

#include "core/model/peer_specs.h"

namespace tidegate {

struct LoadPredictor {
  static constexpr std::size_t kept_most = 64;
  std::vector<double> counts;  // newest last
  bool started = false;        // a count above zero was seen
  double level = 0;            // the Kalman filter's
  double trend = 0;
  std::array<double, 3> error{};  // its covariance: level, cross, trend

  friend bool operator==(const LoadPredictor&, const LoadPredictor&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(counts, started, level, trend, error);
  }
};

void observe(LoadPredictor& predictor, double count, bool log1p);
[[nodiscard]] double predict_next(const LoadPredictor& predictor, DynamoPredictor kind, bool log1p);

}  // namespace tidegate
