// The recent past of one service as columns of numbers, for the dashboard: a point a second for 10 minutes, one every
// 10 s for 2 hours, one a minute for a day; ~180 KB at most, grown as it fills. NaN: not measured, which is not zero.
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
  std::array<Tier, 3> tiers_{Tier{1s, 600, {}}, Tier{10s, 720, {}}, Tier{60s, 1440, {}}};
};

}  // namespace tidegate
