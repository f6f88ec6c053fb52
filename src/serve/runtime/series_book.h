// The recent past of one service as columns of numbers, for the dashboard: a point a second for 10 minutes, one every
// 10 s for 2 hours, one a minute for a day; ~310 KB at most, grown as it fills. NaN: not measured, which is not zero.
// In a large fleet each service reaches less far back, so that all together keep to ~130 MB: of 4,000 services each has
// 60 points a tier (a minute, 10 minutes, and 2.4 hours).
//
// A coarse point folds the fine ones it covers: means of what is measured, the highest latency, the last size.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "serve/runtime/control_panel.h"

namespace tidegate {

// The columns of docs/reference/api.md that every service has, in their order.
inline constexpr std::size_t series_columns = 15;
[[nodiscard]] const std::array<std::string_view, series_columns>& series_column_names();

class SeriesBook {
 public:
  // Of how many services this is one.
  void share_among(std::size_t services);
  void add(const ServiceView& view);
  // The newest points that cover the window, at the finest step that reaches back so far.
  [[nodiscard]] Series read(Instant now, Duration window) const;

 private:
  struct Point {
    Instant at{};
    std::vector<float> values;  // the columns, then the peers
  };
  struct Tier {
    Duration step{};
    std::size_t points_max = 0;
    std::deque<Point> points;
    std::vector<std::int32_t> folded = {};  // of the newest point: numbers behind each value
  };
  void fold(Tier& tier, const Point& point) const;

  std::vector<std::string> peers_;
  static constexpr std::array<std::size_t, 3> points_most{600, 720, 1440};
  std::array<Tier, 3> tiers_{Tier{1s, points_most[0], {}}, Tier{10s, points_most[1], {}},
                             Tier{60s, points_most[2], {}}};
};

}  // namespace tidegate
