#include "core/policy/peers/seasonal_history.h"

#include <algorithm>

namespace tidegate {
namespace {

float& slot(SeasonalHistory& history, std::int64_t bucket) {
  const auto capacity = static_cast<std::int64_t>(history.values.size());
  return history.values[static_cast<std::size_t>(((bucket % capacity) + capacity) % capacity)];
}

void advance(SeasonalHistory& history, std::int64_t to) {
  const auto capacity = static_cast<std::int64_t>(history.values.size());
  slot(history, history.bucket) = history.samples > 0 ? static_cast<float>(history.sum / history.samples) : -1;
  for (auto missed = std::max(history.bucket + 1, to - capacity); missed < to; ++missed) slot(history, missed) = -1;
  history.bucket = to;
  history.first = std::max(history.first, to - capacity);
  history.sum = 0;
  history.samples = 0;
}

}  // namespace

void observe(SeasonalHistory& history, const SeasonalShape& shape, Instant now, std::optional<double> value) {
  const auto bucket = now.time_since_epoch() / shape.length;
  if (history.values.size() != shape.capacity || bucket < history.bucket) {
    if (!value) return;
    history = {.bucket = bucket, .first = bucket};
    history.values.assign(std::min(shape.capacity, SeasonalHistory::buckets_most), -1);
  }
  if (bucket > history.bucket) advance(history, bucket);
  if (!value) return;
  history.sum += *value;
  ++history.samples;
}

std::optional<double> value_at(const SeasonalHistory& history, std::int64_t bucket) {
  if (history.values.empty() || bucket < history.first || bucket >= history.bucket) return std::nullopt;
  const auto capacity = static_cast<std::int64_t>(history.values.size());
  const float value = history.values[static_cast<std::size_t>(((bucket % capacity) + capacity) % capacity)];
  return value < 0 ? std::nullopt : std::optional<double>{value};
}

std::int64_t length_of(const SeasonalHistory& history) {
  return history.values.empty() ? 0 : history.bucket - history.first;
}

}  // namespace tidegate
