// A plain mean of the last `size` values, as KubeAI seeds and keeps it (substratusai/kubeai,
// internal/movingaverage/simple.go, 2f32ef49): seeded with zeros, a step of the load shows only by and by.
//
// Worked: seeded 0, 0, 0, then 3: mean 1.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace tidegate {

class MovingAverage {
 public:
  explicit MovingAverage(std::vector<double> seed) : values_(std::move(seed)) {}
  void add(double value);
  // Zero when there is no slot.
  [[nodiscard]] double mean() const;

 private:
  std::vector<double> values_;
  std::size_t next_ = 0;
};

}  // namespace tidegate
