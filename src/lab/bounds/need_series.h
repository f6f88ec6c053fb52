// The true need of a stretch of traffic: how many replicas' worth of requests would be in service in each step of
// time if none ever had to wait. What every bound of this room is computed from.
//
//   load(step) = mean over the step of requests in service / slots      (replicas, not rounded)
//
// Worked: steps of 2 s, 4 slots; one request comes at 1 s and stays 2 s: loads 0.125 and 0.125.
// A step is the finest thing a bound sees: a swing within it is averaged, as a wait of up to a step would. Take it
// about as long as the SLO lets a request wait. 14 days of 2 s are 604,800 steps, 2.4 MB.
// Requests may be added in any order; one that outlasts the series is cut at its end.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

struct NeedSeries {
  Duration step = 2s;
  std::vector<float> load;

  [[nodiscard]] double step_hours() const { return seconds(step) / 3600; }
  [[nodiscard]] double load_max() const;
  [[nodiscard]] double load_sum() const;
  friend bool operator==(const NeedSeries&, const NeedSeries&) = default;
};

struct NeedOptions {
  Duration step = 2s;
  Duration length{};  // of the traffic; at most steps_max steps
  double slots = 1;
};

class NeedRecorder {
 public:
  static constexpr std::size_t steps_max = 8'000'000;  // 185 days of 2 s

  explicit NeedRecorder(const NeedOptions& options);
  // A request that begins at `at` and would stay `residence` in service.
  void add(Duration at, Duration residence);
  [[nodiscard]] NeedSeries series() const;
  [[nodiscard]] std::uint64_t requests() const { return requests_; }

 private:
  void add_edge(double position, double height);

  NeedOptions options_;
  // The load is a sum of steps up and down. Each edge changes the mean of the step it falls in by `part_` and that of
  // all later steps by `rest_`.
  std::vector<double> part_, rest_;
  std::uint64_t requests_ = 0;
};

// The same traffic at a coarser step, `factor` steps in one; the last may be of fewer.
[[nodiscard]] NeedSeries coarser(const NeedSeries& series, std::size_t factor);

}  // namespace tidegate
