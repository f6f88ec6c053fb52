#include "core/policy/peers/moving_average.h"

#include <numeric>

namespace tidegate {

void MovingAverage::add(double value) {
  if (values_.empty()) return;
  values_[next_] = value;
  next_ = (next_ + 1) % values_.size();
}

double MovingAverage::mean() const {
  if (values_.empty()) return 0;
  return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(values_.size());
}

}  // namespace tidegate
