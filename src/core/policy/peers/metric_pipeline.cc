#include "core/policy/peers/metric_pipeline.h"

namespace tidegate {

void put(MetricPipeline& pipeline, Duration delay, const MetricPipeline::Value& present) {
  auto& values = pipeline.values;
  if (values.empty() || present.at - values.back().at >= delay / 16) {
    if (values.size() == MetricPipeline::kept_most) values.erase(values.begin());
    values.push_back(present);
  }
  std::size_t passed = 0;
  while (passed + 1 < values.size() && values[passed + 1].at + delay <= present.at) ++passed;
  if (passed > 0) values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(passed));
}

MetricPipeline::Value arrived(const MetricPipeline& pipeline, Duration delay, Instant now) {
  const auto& values = pipeline.values;
  return !values.empty() && values.front().at + delay <= now ? values.front() : MetricPipeline::Value{.at = now};
}

}  // namespace tidegate
