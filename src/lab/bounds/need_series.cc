#include "lab/bounds/need_series.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/check.h"

namespace tidegate {

double NeedSeries::load_max() const { return load.empty() ? 0 : *std::ranges::max_element(load); }

double NeedSeries::load_sum() const { return std::accumulate(load.begin(), load.end(), 0.0); }

NeedRecorder::NeedRecorder(const NeedOptions& options) : options_(options) {
  CHECK(options.step > Duration::zero() && options.slots > 0 && options.length >= Duration::zero());
  const auto steps = static_cast<std::size_t>((options.length + options.step - 1ns) / options.step);
  CHECK(steps <= steps_max);
  part_.resize(steps);
  rest_.resize(steps);
}

void NeedRecorder::add_edge(double position, double height) {
  const double step = std::floor(std::max(position, 0.0));
  const auto index = static_cast<std::size_t>(step);
  if (index >= part_.size()) return;
  part_[index] += height * (step + 1 - std::max(position, 0.0));
  rest_[index] += height;
}

void NeedRecorder::add(Duration at, Duration residence) {
  ++requests_;
  const double from = seconds(at) / seconds(options_.step);
  add_edge(from, 1);
  add_edge(from + seconds(residence) / seconds(options_.step), -1);
}

NeedSeries NeedRecorder::series() const {
  NeedSeries series{.step = options_.step, .load = {}};
  series.load.reserve(part_.size());
  double level = 0;
  for (std::size_t i = 0; i < part_.size(); ++i) {
    // Sums of many edges leave rounding errors around zero.
    const double load = (level + part_[i]) / options_.slots;
    series.load.push_back(load > 1e-9 ? static_cast<float>(load) : 0.0F);
    level += rest_[i];
  }
  return series;
}

NeedSeries coarser(const NeedSeries& series, std::size_t factor) {
  CHECK(factor >= 1);
  NeedSeries coarse{.step = series.step * static_cast<std::int64_t>(factor), .load = {}};
  for (std::size_t i = 0; i < series.load.size(); i += factor) {
    const std::size_t end = std::min(i + factor, series.load.size());
    double sum = 0;
    for (std::size_t j = i; j < end; ++j) sum += series.load[j];
    coarse.load.push_back(static_cast<float>(sum / static_cast<double>(end - i)));
  }
  return coarse;
}

}  // namespace tidegate
