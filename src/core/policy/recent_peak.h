// The highest value of the last while, in three buckets: exact over between one and one and a half windows, in
// constant memory. Keeps a size for as long as an idle replica is worth keeping (a lazy lowering).
#pragma once

#include <array>

#include "core/base/time.h"

namespace tidegate {

struct RecentPeak {
  std::array<double, 3> highest{};
  Instant turned{};  // when the newest bucket began

  [[nodiscard]] double value() const;
  friend bool operator==(const RecentPeak&, const RecentPeak&) = default;
  template <class Archive>
  void archive(Archive& ar) {
    ar(highest, turned);
  }
};

void observe(RecentPeak& peak, Instant now, Duration window, double value);

}  // namespace tidegate
