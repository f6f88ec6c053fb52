#include "core/policy/peers/load_predictor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

namespace tidegate {
namespace {

constexpr std::size_t points_least = 5;
constexpr std::size_t prophet_window = 50;
constexpr double level_noise = 1;
constexpr double trend_noise = 0.1;
constexpr double measurement_noise = 10;
constexpr double error_at_first = 1000;

using Row = std::array<double, 3>;

// Least squares of y on up to three regressors by the normal equations; a singular direction gets no weight.
class LeastSquares {
 public:
  explicit LeastSquares(std::size_t width) : width_(width) {}

  void add(const Row& x, double y) {
    for (std::size_t i = 0; i < width_; ++i) {
      for (std::size_t j = 0; j < width_; ++j) products_[i][j] += x[i] * x[j];
      right_[i] += x[i] * y;
    }
  }

  [[nodiscard]] Row solve() const {
    auto matrix = products_;
    Row right = right_, weights{};
    std::array<bool, 3> is_solved{};
    for (std::size_t i = 0; i < width_; ++i) {
      const double pivot = matrix[i][i];
      if (pivot <= 1e-9 * std::max(products_[i][i], 1e-9)) continue;
      is_solved[i] = true;
      for (std::size_t k = 0; k < width_; ++k) {
        if (k == i) continue;
        const double factor = matrix[k][i] / pivot;
        for (std::size_t j = 0; j < width_; ++j) matrix[k][j] -= factor * matrix[i][j];
        right[k] -= factor * right[i];
      }
    }
    for (std::size_t i = 0; i < width_; ++i)
      if (is_solved[i]) weights[i] = right[i] / matrix[i][i];
    return weights;
  }

 private:
  std::size_t width_;
  std::array<Row, 3> products_{};
  Row right_{};
};

struct ArimaFit {
  std::size_t order = 0;
  double criterion = std::numeric_limits<double>::infinity();
  double next = 0;
};

// y_t, or its difference, on a constant and `order` lags; all fits are judged on the same points.
ArimaFit fit_arima(std::span<const double> y, std::size_t order, bool differenced) {
  const auto value = [&](std::size_t t) { return differenced ? y[t] - y[t - 1] : y[t]; };
  const auto row = [&](std::size_t t) { return Row{1, order > 0 ? value(t - 1) : 0, order > 1 ? value(t - 2) : 0}; };
  constexpr std::size_t first = 3;
  LeastSquares squares(order + 1);
  for (std::size_t t = first; t < y.size(); ++t) squares.add(row(t), value(t));
  const Row weights = squares.solve();
  const auto forecast = [&](const Row& x) { return weights[0] + weights[1] * x[1] + weights[2] * x[2]; };
  double error = 0;
  for (std::size_t t = first; t < y.size(); ++t) error += std::pow(value(t) - forecast(row(t)), 2);
  const auto points = static_cast<double>(y.size() - first);
  return {.order = order,
          .criterion = points * std::log(std::max(error / points, 1e-12)) + 2 * static_cast<double>(order + 1),
          .next = forecast(row(y.size())) + (differenced ? y.back() : 0)};
}

ArimaFit best_arima(std::span<const double> y) {
  ArimaFit best;
  for (const bool differenced : {false, true})
    for (std::size_t order = 0; order <= (differenced ? 1u : 2u); ++order)
      if (const auto fit = fit_arima(y, order, differenced); fit.criterion < best.criterion) best = fit;
  return best;
}

std::vector<double> logs_of(std::span<const double> counts) {
  std::vector<double> logs(counts.size());
  std::transform(counts.begin(), counts.end(), logs.begin(), [](double count) { return std::log1p(count); });
  return logs;
}

double predict_arima(std::span<const double> y, bool is_log) {
  if (std::all_of(y.begin(), y.end(), [&](double value) { return value == y.front(); })) return y.front();
  const auto fit = best_arima(y);
  if (fit.order > 0 || is_log) return fit.next;
  return std::expm1(best_arima(logs_of(y)).next);
}

double predict_line(std::span<const double> y) {
  y = y.last(std::min(y.size(), prophet_window));
  LeastSquares squares(2);
  for (std::size_t t = 0; t < y.size(); ++t) squares.add({1, static_cast<double>(t), 0}, y[t]);
  const Row weights = squares.solve();
  return weights[0] + weights[1] * static_cast<double>(y.size());
}

}  // namespace

void observe(LoadPredictor& predictor, double count, bool log1p) {
  count = std::isfinite(count) ? std::max(count, 0.0) : 0;
  if (count == 0 && !predictor.started) return;
  const double z = log1p ? std::log1p(count) : count;
  auto& [level_error, cross_error, trend_error] = predictor.error;
  if (!predictor.started) {
    predictor.level = z;
    predictor.trend = 0;
    predictor.error = {error_at_first, 0, error_at_first};
  } else {
    const double level = predictor.level + predictor.trend;
    const double before = level_error + 2 * cross_error + trend_error + level_noise;
    const double cross = cross_error + trend_error;
    const double trend = trend_error + trend_noise;
    const double gain_level = before / (before + measurement_noise);
    const double gain_trend = cross / (before + measurement_noise);
    predictor.level = level + gain_level * (z - level);
    predictor.trend += gain_trend * (z - level);
    predictor.error = {(1 - gain_level) * before, (1 - gain_level) * cross, trend - gain_trend * cross};
  }
  predictor.started = true;
  predictor.counts.push_back(count);
  if (predictor.counts.size() > LoadPredictor::kept_most) predictor.counts.erase(predictor.counts.begin());
}

double predict_next(const LoadPredictor& predictor, DynamoPredictor kind, bool log1p) {
  const auto& counts = predictor.counts;
  if (counts.empty()) return 0;
  if (kind == DynamoPredictor::constant || counts.size() < points_least) return counts.back();
  double next = 0;
  if (kind == DynamoPredictor::kalman) {
    next = predictor.level + predictor.trend;
  } else {
    const auto values = log1p ? logs_of(counts) : counts;
    next = kind == DynamoPredictor::arima ? predict_arima(values, log1p) : predict_line(values);
  }
  return std::max(log1p ? std::expm1(next) : next, 0.0);
}

}  // namespace tidegate
