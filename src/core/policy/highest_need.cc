#include "core/policy/highest_need.h"

#include <algorithm>

namespace tidegate {

void observe(HighestNeed& memory, Instant now, Duration window, double value) {
  auto& entries = memory.entries;
  std::erase_if(entries, [&](const HighestNeed::Entry& entry) { return now - entry.at >= window; });
  // What is lower and older than the new value can never be the highest again.
  while (!entries.empty() && entries.back().value < value) entries.pop_back();
  if (!entries.empty()) {
    auto& last = entries.back();
    const bool is_same_part = now - last.opened < window / HighestNeed::buckets;
    if (last.value == value || is_same_part) {
      last.at = now;
      return;
    }
  }
  entries.push_back({.at = now, .opened = now, .value = value});
}

double highest(const HighestNeed& memory, Instant now, Duration window) {
  double value = 0;
  for (const auto& entry : memory.entries)
    if (now - entry.at < window) value = std::max(value, entry.value);
  return value;
}

}  // namespace tidegate
