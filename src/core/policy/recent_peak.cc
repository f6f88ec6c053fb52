#include "core/policy/recent_peak.h"

#include <algorithm>

namespace tidegate {

double RecentPeak::value() const { return std::max({highest[0], highest[1], highest[2]}); }

void observe(RecentPeak& peak, Instant now, Duration window, double value) {
  const Duration bucket = std::max(window / 2, Duration{1});
  const auto turns = (now - peak.turned) / bucket;
  if (turns >= static_cast<std::int64_t>(peak.highest.size())) {
    peak = {.highest = {}, .turned = now};
  } else {
    for (auto turn = turns; turn > 0; --turn) peak.highest = {0, peak.highest[0], peak.highest[1]};
    peak.turned += turns * bucket;
  }
  peak.highest[0] = std::max(peak.highest[0], value);
}

}  // namespace tidegate
