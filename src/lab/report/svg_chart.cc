#include "lab/report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>

namespace tidegate {
namespace {

constexpr double left = 56, right = 12, top = 34, bottom = 40;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void cover(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value), high = std::max(high, value);
  }
};

double placed(AxisKind kind, double value) {
  return kind == AxisKind::missed ? -std::log10(std::max(1 - value, 1e-5)) : value;
}

// The least of 1, 2, 5 times a power of ten that is not below `value`.
double round_step(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= value * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

double hours_step(double span) {
  for (const double step : {300.0, 600.0, 1800.0, 3600.0, 10800.0, 21600.0, 43200.0, 86400.0, 172800.0})
    if (span / step <= 10) return step;
  return 86400 * round_step(span / 86400 / 10);
}

std::string tick_text(AxisKind kind, double at, double span) {
  if (kind == AxisKind::missed) return fmt::format("{:.6g} %", 100 * (1 - std::pow(10, -at)));
  if (kind == AxisKind::linear) return fmt::format("{:.4g}", at);
  if (span > 3 * 86400) return fmt::format("{:.3g} d", at / 86400);
  return span > 7200 ? fmt::format("{:.3g} h", at / 3600) : fmt::format("{:.3g} min", at / 60);
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart) {
    for (const auto& series : chart.series) {
      for (const double x : series.x) x_.cover(placed(chart.x.kind, x));
      for (const double y : series.y) y_.cover(placed(chart.y.kind, y));
      for (const double y : series.y_low) y_.cover(placed(chart.y.kind, y));
    }
    widen(x_, chart.x);
    widen(y_, chart.y);
  }

  std::string draw() {
    put("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", chart_.width, chart_.height,
        html_text(chart_.title));
    put("<text class=\"title\" x=\"{:.0f}\" y=\"16\">{}</text>\n", left, html_text(chart_.title));
    grid_x();
    grid_y();
    for (const auto& series : chart_.series) draw(series);
    legend();
    return svg_ + "</svg>\n";
  }

 private:
  template <class... Values>
  void put(fmt::format_string<Values...> pattern, Values&&... values) {
    fmt::format_to(std::back_inserter(svg_), pattern, std::forward<Values>(values)...);
  }
  static void widen(Range& range, const ChartAxis& axis) {
    if (range.low > range.high) range = {0, 1};
    if (axis.from_zero) range.low = std::min(range.low, 0.0);
    if (axis.kind == AxisKind::hours) return;
    const double margin = (range.high - range.low) * 0.05;
    if (!axis.from_zero) range.low -= margin;
    range.high += margin;
    if (range.high - range.low < 1e-12) range.high = range.low + 1;
  }
  [[nodiscard]] double across(double x) const {
    const double span = std::max(x_.high - x_.low, 1e-12);
    return left + (placed(chart_.x.kind, x) - x_.low) / span * (chart_.width - left - right);
  }
  [[nodiscard]] double up(double y) const {
    return chart_.height - bottom -
           (placed(chart_.y.kind, y) - y_.low) / (y_.high - y_.low) * (chart_.height - top - bottom);
  }

  void grid_x() {
    const double span = std::max(x_.high - x_.low, 1e-9);
    const double step = chart_.x.kind == AxisKind::hours    ? hours_step(span)
                        : chart_.x.kind == AxisKind::missed ? (span > 1.2 ? 1 : 0.25)
                                                            : round_step(span / 8);
    for (double at = std::ceil(x_.low / step) * step; at <= x_.high + step * 1e-6; at += step) {
      const double x = left + (at - x_.low) / span * (chart_.width - left - right);
      put("<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.0f}\" y2=\"{2:.0f}\"/>", x, top,
          chart_.height - bottom);
      put("<text class=\"tick\" x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n", x,
          chart_.height - bottom + 15, tick_text(chart_.x.kind, at, span));
    }
    put("<text class=\"tick\" x=\"{:.0f}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", chart_.width - right,
        chart_.height - 6, html_text(chart_.x.label));
  }

  void grid_y() {
    const double span = y_.high - y_.low;
    const double step = chart_.y.kind == AxisKind::missed ? (span > 1.2 ? 1 : 0.25) : round_step(span / 5);
    for (double at = std::ceil(y_.low / step) * step; at <= y_.high + step * 1e-6; at += step) {
      const double y = chart_.height - bottom - (at - y_.low) / span * (chart_.height - top - bottom);
      put("<line class=\"grid\" x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", left, chart_.width - right,
          y, y);
      put("<text class=\"tick\" x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", left - 6, y + 4,
          tick_text(chart_.y.kind, at, span));
    }
    put("<text class=\"tick\" x=\"{:.0f}\" y=\"{}\">{}</text>\n", left, chart_.height - 6, html_text(chart_.y.label));
  }

  // One column of pixels has at most its first, least, greatest and last point.
  [[nodiscard]] std::vector<std::size_t> thinned(const ChartSeries& series, const std::vector<double>& y) const {
    std::vector<std::size_t> kept;
    for (std::size_t i = 0; i < y.size();) {
      const double column = std::floor(across(series.x[i]));
      std::size_t end = i, least = i, greatest = i;
      for (; end < y.size() && std::floor(across(series.x[end])) == column; ++end) {
        if (y[end] < y[least]) least = end;
        if (y[end] > y[greatest]) greatest = end;
      }
      std::vector<std::size_t> some{i, least, greatest, end - 1};
      std::ranges::sort(some);
      some.erase(std::unique(some.begin(), some.end()), some.end());
      kept.insert(kept.end(), some.begin(), some.end());
      i = end;
    }
    return kept;
  }

  [[nodiscard]] std::string path_of(const ChartSeries& series, const std::vector<double>& y, bool steps) const {
    std::string path;
    bool drawn = false;
    for (const std::size_t i : thinned(series, y)) {
      if (!std::isfinite(y[i])) {
        drawn = false;
        continue;
      }
      if (drawn && steps)
        path += fmt::format("H{:.1f}V{:.1f}", across(series.x[i]), up(y[i]));
      else
        path += fmt::format("{}{:.1f} {:.1f}", drawn ? "L" : "M", across(series.x[i]), up(y[i]));
      drawn = true;
    }
    return path;
  }

  void draw(const ChartSeries& series) {
    const std::size_t color = series.color % 8;
    if (series.kind == MarkKind::band) {
      std::string path = path_of(series, series.y, false);
      const auto kept = thinned(series, series.y_low);
      for (auto i = kept.rbegin(); i != kept.rend(); ++i)
        path += fmt::format("L{:.1f} {:.1f}", across(series.x[*i]), up(series.y_low[*i]));
      put("<path class=\"band c{}\" d=\"{}Z\"/>\n", color, path);
    } else if (series.kind == MarkKind::points) {
      for (std::size_t i = 0; i < series.x.size(); ++i)
        put("<circle class=\"c{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"><title>{}</title></circle>\n", color,
            across(series.x[i]), up(series.y[i]), html_text(i < series.names.size() ? series.names[i] : series.label));
    } else {
      put("<path class=\"line c{}\" d=\"{}\"/>\n", color, path_of(series, series.y, series.kind == MarkKind::steps));
    }
  }

  void legend() {
    double x = chart_.width - right;
    for (auto series = chart_.series.rbegin(); series != chart_.series.rend(); ++series) {
      if (series->label.empty()) continue;
      x -= 7.0 * static_cast<double>(series->label.size()) + 22;
      put("<rect class=\"key c{}\" x=\"{:.0f}\" y=\"8\" width=\"10\" height=\"10\"/>", series->color % 8, x);
      put("<text class=\"tick\" x=\"{:.0f}\" y=\"17\">{}</text>\n", x + 14, html_text(series->label));
    }
  }

  const Chart& chart_;
  Range x_, y_;
  std::string svg_;
};

}  // namespace

std::string to_svg(const Chart& chart) { return Drawing{chart}.draw(); }

std::string html_text(std::string_view text) {
  std::string safe;
  for (const char c : text) switch (c) {
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '&':
        safe += "&amp;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  return safe;
}

}  // namespace tidegate
