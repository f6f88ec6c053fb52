// A chart as inline SVG: lines, steps, shaded bands and points over two axes, drawn from numbers alone. Nothing is
// fetched, no script runs; colours follow the reader's light or dark page by CSS variables (report_page.h).
//
// A series of more points than the chart has columns is thinned to the least and greatest of each column, so that a
// peak of one minute in a fortnight is still seen. A value that is not a number leaves a gap.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tidegate {

enum class MarkKind : std::uint8_t { line, steps, band, points };

struct ChartSeries {
  std::string label;
  MarkKind kind = MarkKind::line;
  std::vector<double> x, y;
  std::vector<double> y_low = {};       // of a band: its lower edge
  std::vector<std::string> names = {};  // of points: what a pointer over one shows
  std::size_t color = 0;                // of the page's palette
};

enum class AxisKind : std::uint8_t {
  linear,
  hours,   // seconds, labelled in hours or days
  missed,  // an attainment, drawn by the logarithm of what is missed: 90 %, 99 %, 99.9 %
};

struct ChartAxis {
  std::string label;
  AxisKind kind = AxisKind::linear;
  bool from_zero = false;
};

struct Chart {
  std::string title;
  ChartAxis x, y;
  std::vector<ChartSeries> series;
  std::int32_t width = 900, height = 280;
};

[[nodiscard]] std::string to_svg(const Chart& chart);

// <, >, & and quotes as entities.
[[nodiscard]] std::string html_text(std::string_view text);

}  // namespace tidegate
