#include "core/forecast/scoring.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/forecast/idle_gap.h"
#include "core/forecast/points.h"
#include "core/forecast/residual_histogram.h"

namespace tidegate {
namespace {

// Half-lives: 24 h up to an hour, 72 h at four hours, in predictions of that horizon. With shorter ones the high
// quantiles forget surges that come once a day.
constexpr std::array<double, horizons> forget{8e-5, 8e-5, 8e-5, 8e-5, 2.4e-4, 9.6e-4, 1.6e-3};
constexpr double prior_scores = 20;
constexpr double scores_before_trust = 30;
constexpr double break_at = 1.8;
constexpr double regain_at = 0.4;
constexpr std::size_t high_index = 9;    // 0.99
constexpr double experience_least = 30;  // seconds
struct Graded {
  std::size_t index;
  double weight;
};
constexpr std::array graded{Graded{3, 1}, Graded{6, 2}, Graded{high_index, 6}};

using Rates = std::array<double, quantile_points>;

double pinball(double actual, double predicted, double q) {
  const double miss = actual - predicted;
  return miss > 0 ? q * miss : (q - 1) * miss;
}

double around(double point, double scale, float deviation) {
  return std::max(point + scale * static_cast<double>(deviation), 0.0);
}

double graded_loss(double point, double scale, const ResidualHistogram& spread, double actual) {
  double loss = 0;
  for (const auto [index, weight] : graded)
    loss +=
        weight * pinball(actual, around(point, scale, spread.quantiles[index]), RateQuantiles::probabilities[index]);
  return loss;
}

// A sparse service either is silent or shows one burst.
double burst_rate(double probability, double q, double burst) { return q > 1 - probability ? burst / bin_seconds : 0; }

double graded_burst_loss(double probability, double burst, double actual) {
  double loss = 0;
  for (const auto [index, weight] : graded) {
    const double q = RateQuantiles::probabilities[index];
    loss += weight * pinball(actual, burst_rate(probability, q, burst), q);
  }
  return loss;
}

void blend(float& mean, double value, double share) {
  mean += static_cast<float>(share * (value - static_cast<double>(mean)));
}

void score(DemandHistory& history, std::size_t horizon, const PendingPrediction& made, double value, double peak) {
  HorizonAnswer& answer = history.answers[horizon];
  const double count = static_cast<double>(answer.scored);
  const double learning = std::max(forget[horizon], 1 / (count + prior_scores));
  const double grading = std::max(forget[horizon], 1 / (count + 1));
  const double unit = residual_scale(static_cast<double>(made.points[0]), horizon);
  for (std::size_t k = 0; k < point_forecasters; ++k) {
    const double point = static_cast<double>(made.points[k]);
    const double scale = residual_scale(point, horizon);
    HorizonResiduals& spread = history.residuals[k * horizons + horizon];
    blend(answer.value_loss[k], graded_loss(point, scale, spread.value, value) / unit, grading);
    blend(answer.peak_loss[k], graded_loss(point, scale, spread.peak, peak) / unit, grading);
    add(spread.value, (value - point) / scale, learning);
    add(spread.peak, (peak - point) / scale, learning);
  }
  const double burst = static_cast<double>(history.gaps.burst);
  constexpr std::size_t gap = point_forecasters;
  blend(answer.value_loss[gap], graded_burst_loss(static_cast<double>(made.arrival_at), burst, value) / unit, grading);
  blend(answer.peak_loss[gap], graded_burst_loss(static_cast<double>(made.arrival_within), burst, peak) / unit,
        grading);
  answer.scored = std::min(answer.scored + 1, 1e6F);
  answer.surprise = answer.surprise * 0.9F + (value > static_cast<double>(made.high) ? 1.0F : 0.0F);
  if (static_cast<double>(answer.surprise) >= break_at) answer.broken = true;
  if (static_cast<double>(answer.surprise) < regain_at) answer.broken = false;
}

std::size_t pending_slot(std::size_t horizon, std::int64_t made) {
  std::size_t offset = 0;
  for (std::size_t h = 0; h < horizon; ++h) offset += static_cast<std::size_t>(horizon_bins[h] / horizon_step[h]);
  const std::int64_t run = horizon_bins[horizon] / horizon_step[horizon];
  return offset + static_cast<std::size_t>((made / horizon_step[horizon]) % run);
}

std::size_t lead(std::uint8_t previous, const std::array<float, scored_forecasters>& losses, bool sparse) {
  const std::size_t candidates = sparse ? scored_forecasters : point_forecasters;
  const auto best = static_cast<std::size_t>(
      std::min_element(losses.begin(), losses.begin() + static_cast<std::ptrdiff_t>(candidates)) - losses.begin());
  return previous < candidates && losses[previous] <= losses[best] * 1.05F ? previous : best;
}

struct Mixing {
  const DemandHistory& history;
  std::size_t horizon;
  bool is_peak;
  const PendingPrediction& made;
};

Rates mix(const Mixing& from, std::size_t leader, const std::array<float, scored_forecasters>& losses) {
  Rates rates{};
  if (leader == point_forecasters) {
    const double p = static_cast<double>(from.is_peak ? from.made.arrival_within : from.made.arrival_at);
    for (std::size_t i = 0; i < quantile_points; ++i)
      rates[i] = burst_rate(p, RateQuantiles::probabilities[i], static_cast<double>(from.history.gaps.burst));
    return rates;
  }
  const bool is_trusted = static_cast<double>(from.history.answers[from.horizon].scored) >= scores_before_trust;
  const double least = static_cast<double>(*std::min_element(losses.begin(), losses.begin() + point_forecasters));
  double total = 0;
  for (std::size_t k = 0; k < point_forecasters; ++k) {
    double weight = k == leader ? 1 : 0;
    if (is_trusted && least > 0) weight = std::exp(-30 * (static_cast<double>(losses[k]) / least - 1));
    if (weight < 0.02) continue;
    const double point = static_cast<double>(from.made.points[k]);
    const double scale = residual_scale(point, from.horizon);
    const HorizonResiduals& both = from.history.residuals[k * horizons + from.horizon];
    const ResidualHistogram& spread = from.is_peak ? both.peak : both.value;
    for (std::size_t i = 0; i < quantile_points; ++i) rates[i] += weight * around(point, scale, spread.quantiles[i]);
    total += weight;
  }
  for (double& rate : rates) rate /= total;
  return rates;
}

}  // namespace

void insure(std::array<double, quantile_points>& rates, double level, double maximum) {
  for (std::size_t i = 0; i < quantile_points; ++i) {
    const double part = std::clamp((RateQuantiles::probabilities[i] - 0.5) / 0.4, 0.0, 1.0);
    if (part > 0) rates[i] = std::max(rates[i], level + (maximum - level) * part);
  }
  for (std::size_t i = 1; i < quantile_points; ++i) rates[i] = std::max(rates[i], rates[i - 1]);
}

// Both loops compare whole numbers, which the compiler does many at a time: rates are ordered as their bits are (what
// is missing is negative), and codes as the rates they stand for (with what is missing, the highest code, made the
// lowest).
double believable(const DemandHistory& history) {
  if (history.covered < experience_least) return std::numeric_limits<double>::infinity();
  std::int32_t highest = 0;
  for (const float rate : history.recent) highest = std::max(highest, std::bit_cast<std::int32_t>(rate));
  std::uint16_t after = 1;  // the highest code, and one
  for (const std::uint16_t slot : history.slots) after = std::max(after, static_cast<std::uint16_t>(slot + 1));
  static_assert(static_cast<std::uint16_t>(slot_missing + 1) == 0);
  const double seen =
      std::max(static_cast<double>(std::bit_cast<float>(highest)), slot_rate(static_cast<std::uint16_t>(after - 1)));
  return seen + 3 * std::sqrt(seen / bin_seconds);
}

void score_due(DemandHistory& history, std::int64_t bin) {
  const float value = history.recent[static_cast<std::size_t>(bin) % recent_bins];
  for (std::size_t h = 0; h < horizons; ++h) {
    const std::int64_t made = bin - horizon_bins[h];
    if (made < 0 || made % horizon_step[h] != 0) continue;
    PendingPrediction& entry = history.pending[pending_slot(h, made)];
    if (entry.made != made) continue;
    entry.made = -1;
    if (value < 0) continue;
    float peak = value;
    for (std::int64_t b = made + 1; b < bin; ++b)
      peak = std::max(peak, history.recent[static_cast<std::size_t>(b) % recent_bins]);
    score(history, h, entry, static_cast<double>(value), static_cast<double>(peak));
  }
}

void predict(DemandHistory& history, std::int64_t bin, Instant now, bool is_complete) {
  const bool sparse = is_sparse(history);
  const auto points = predict_points(history, bin);
  const double level = history.level.mean;
  const double limit = believable(history);
  bool broken = false;
  Quantiles highest{};
  for (std::size_t h = 0; h < horizons; ++h) {
    HorizonAnswer& answer = history.answers[h];
    PendingPrediction made{.made = bin, .points = points[h]};
    if (sparse) {
      const double ahead = horizon_bins[h] * bin_seconds;
      made.arrival_at = static_cast<float>(arrival_probability_between(history, now, ahead - bin_seconds, ahead));
      made.arrival_within = static_cast<float>(arrival_probability_between(history, now, 0, ahead));
    }
    if (static_cast<double>(answer.scored) >= scores_before_trust) {
      answer.value_leader = static_cast<std::uint8_t>(lead(answer.value_leader, answer.value_loss, sparse));
      answer.peak_leader = static_cast<std::uint8_t>(lead(answer.peak_leader, answer.peak_loss, sparse));
    }
    Rates value = mix({history, h, false, made}, answer.value_leader, answer.value_loss);
    Rates peak = mix({history, h, true, made}, answer.peak_leader, answer.peak_loss);
    broken = broken || answer.broken;
    // points[1] is the recent maximum.
    if (broken) insure(value, level, static_cast<double>(points[h][1]));
    for (std::size_t i = 0; i < quantile_points; ++i) {
      value[i] = std::min(value[i], limit);
      peak[i] = std::min(peak[i], limit);
      answer.value[i] = static_cast<float>(value[i]);
      highest[i] = std::max({highest[i], answer.value[i], static_cast<float>(peak[i])});
    }
    answer.peak = highest;
    made.high = answer.value[high_index];
    if (is_complete && bin % horizon_step[h] == 0) history.pending[pending_slot(h, bin)] = made;
  }
}

}  // namespace tidegate
