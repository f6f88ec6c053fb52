#include "edge/kubernetes/event_series.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidegate {
namespace {

constexpr std::size_t name_kept = 200;  // of the 253 that a name may have

// Unique: no two events of one process have the same time and serial.
std::string name_of(const ClusterEvent& event, Instant now, std::uint64_t serial) {
  std::string stem = event.object.key.name.substr(0, name_kept);
  while (!stem.empty() && (stem.back() == '.' || stem.back() == '-')) stem.pop_back();
  return fmt::format("{}.{:x}{:04x}", stem, now.time_since_epoch().count(), serial & 0xffff);
}

}  // namespace

std::optional<EventWrite> EventSeries::add(const ClusterEvent& event, Instant now) {
  const auto known = series_.find(event);
  if (known != series_.end() && now - known->second.last <= limits_.lasts) {
    Series& series = known->second;
    series.last = now;
    ++series.count;
    if (now - series.written < limits_.period) return std::nullopt;
    return write_of(event, series, now);
  }
  auto bucket = buckets_.try_emplace(event.object, limits_.per_second, limits_.burst).first;
  if (!bucket->second.take(now, Duration{})) {
    ++dropped_;
    return std::nullopt;
  }
  if (known != series_.end()) series_.erase(known);
  make_room();
  Series& series = series_[event];
  series = {.name = name_of(event, now, ++serial_), .first = now, .last = now, .written = now};
  return write_of(event, series, now);
}

std::vector<EventWrite> EventSeries::due(Instant now, bool at_end) {
  std::vector<EventWrite> writes;
  for (auto& [event, series] : series_)
    if (series.count > series.written_count && (at_end || now - series.written >= limits_.period))
      writes.push_back(write_of(event, series, now));
  std::erase_if(series_, [&](const auto& one) { return now - one.second.last > limits_.lasts; });
  // A bucket that would be full again says nothing.
  if (buckets_.size() > limits_.series_max) buckets_.clear();
  return writes;
}

EventWrite EventSeries::write_of(const ClusterEvent& event, Series& series, Instant now) {
  series.written_count = series.count;
  series.written = now;
  return {.event = event, .name = series.name, .count = series.count, .first = series.first, .last = series.last};
}

void EventSeries::make_room() {
  while (series_.size() >= limits_.series_max)
    series_.erase(std::ranges::min_element(series_, {}, [](const auto& one) { return one.second.last; }));
}

}  // namespace tidegate
