// Many latencies in little memory: 128 steps per doubling from 1 us to 3 h, so a quantile is off by at most 0.4 %.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.h"

namespace tidegate {

class LatencyHistogram {
 public:
  LatencyHistogram();
  void record(Duration latency, std::uint64_t times = 1);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // The smallest recorded value that at least this share of all does not exceed; none without any.
  [[nodiscard]] std::optional<Duration> quantile(double share) const;

 private:
  std::vector<std::uint64_t> steps_;
  std::uint64_t count_ = 0;
};

}  // namespace tidegate
