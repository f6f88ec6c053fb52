#include "core/forecast/forecast.h"

#include <algorithm>
#include <cmath>

#include "core/forecast/evident_rates.h"
#include "core/forecast/idle_gap.h"
#include "core/forecast/points.h"
#include "core/forecast/residual_histogram.h"
#include "core/forecast/rest.h"
#include "core/forecast/scoring.h"

namespace tidegate {
namespace {

constexpr double level_window = 120;  // seconds; the level's time constant is half of it
constexpr double hour_constant = 3600;
constexpr double day_constant = 86400;
constexpr double chance_deviations = 3;  // of a count: what lies beyond is no chance
constexpr std::int64_t dispersion_bins = 60;
constexpr double interval_longest = static_cast<double>(recent_bins) * bin_seconds;

void start(DemandHistory& history, std::int64_t bin) {
  history.started = true;
  history.bin = bin;
  history.minute_of_hour.fill(1);
  history.recent.assign(recent_bins, -1);
  history.slots.assign(slots_kept, slot_missing);
  history.residuals.assign(point_forecasters * horizons, {residual_prior(), residual_prior()});
  history.pending.assign(pending_entries, {});
}

void smooth(SmoothedRate& smoothed, double rate, double length, double constant) {
  const double share = 1 - std::exp(-length / constant);
  smoothed.weight += share * (1 - smoothed.weight);
  if (smoothed.weight > 0) smoothed.mean += share / smoothed.weight * (rate - smoothed.mean);
}

void close_minute(DemandHistory& history) {
  if (history.minute_covered >= 30 && history.hour.mean > 0 && history.hour.weight > 0.6) {
    float& relative = history.minute_of_hour[static_cast<std::size_t>((history.bin / 6) % 60)];
    const double seen = history.minute_arrivals / history.minute_covered / history.hour.mean;
    relative += 0.25F * (static_cast<float>(std::min(seen, 50.0)) - relative);
  }
  history.minute_arrivals = history.minute_covered = 0;
}

void close_slot(DemandHistory& history) {
  const std::int64_t slot = history.bin / static_cast<std::int64_t>(slot_bins);
  const bool known = history.slot_covered >= static_cast<double>(slot_bins) * bin_seconds / 2;
  history.slots[static_cast<std::size_t>(slot) % slots_kept] =
      known ? slot_code(history.slot_arrivals / history.slot_covered) : slot_missing;
  history.slot_arrivals = history.slot_covered = 0;
}

// A quiet bin of a resting history: only the slots of ten minutes are kept.
void pass_bin(DemandHistory& history) {
  history.minute_arrivals = history.minute_covered = 0;
  if ((history.bin + 1) % static_cast<std::int64_t>(slot_bins) == 0) close_slot(history);
  ++history.bin;
  history.bin_arrivals = history.bin_covered = 0;
}

// Variance over mean of the counts of bins, from differences of neighbours, so that a change of the level is none.
double dispersion(const DemandHistory& history, std::int64_t last) {
  double squares = 0, mean = 0;
  float later = -1;
  for (std::int64_t bin = last; bin > last - dispersion_bins && bin >= 0; --bin) {
    const float rate = history.recent[static_cast<std::size_t>(bin) % recent_bins];
    if (rate >= 0 && later >= 0) {
      const double difference = static_cast<double>(rate - later) * bin_seconds;
      squares += difference * difference / 2;
      mean += static_cast<double>(rate + later) / 2 * bin_seconds;
    }
    later = rate;
  }
  return mean > 0 ? std::max((squares + 3) / (mean + 3), 1.0) : 1;
}

// The level trails a step by minutes. Where the last 10, 20 and 40 s are evidence that chance does not explain, it
// moves into what they do not rule out. The longest has the last word: where the shortest had it, ten busy seconds were
// foretold for ten minutes.
void follow_evidence(DemandHistory& history) {
  double count = 0, length = 0;
  std::int64_t bin = history.bin;
  for (const std::int64_t bins : {1, 2, 4}) {
    for (; bin > history.bin - bins; --bin) {
      const float rate = bin < 0 ? -1.0F : history.recent[static_cast<std::size_t>(bin) % recent_bins];
      if (rate < 0) return;
      count += static_cast<double>(rate) * bin_seconds;
      length += bin_seconds;
    }
    const EvidentRates rates = evident_rates(count, length, dispersion(history, bin));
    history.level.mean = std::clamp(history.level.mean, rates.least, rates.most);
  }
}

void close_bin(DemandHistory& history) {
  if (is_resting(history)) return pass_bin(history);
  const bool known = history.bin_covered >= bin_seconds / 2;
  history.recent[static_cast<std::size_t>(history.bin) % recent_bins] =
      known ? static_cast<float>(history.bin_arrivals / history.bin_covered) : -1.0F;
  if (history.bin_arrivals > 0)
    history.gaps.burst += 0.05F * (static_cast<float>(history.bin_arrivals) - history.gaps.burst);
  if (known) follow_evidence(history);
  score_due(history, history.bin);
  if ((history.bin + 1) % 6 == 0) close_minute(history);
  if ((history.bin + 1) % static_cast<std::int64_t>(slot_bins) == 0) close_slot(history);
  predict(history, history.bin, instant_at(static_cast<double>(history.bin + 1) * bin_seconds), true);
  ++history.bin;
  history.bin_arrivals = history.bin_covered = 0;
}

// A leap over more than is remembered in detail: what is pending can never be scored.
void leap_to(DemandHistory& history, std::int64_t bin) {
  close_minute(history);
  close_slot(history);
  const auto slot_length = static_cast<std::int64_t>(slot_bins);
  const std::int64_t last = bin / slot_length;
  const std::int64_t first = std::max(history.bin / slot_length + 1, last - static_cast<std::int64_t>(slots_kept) + 1);
  for (std::int64_t slot = first; slot <= last; ++slot)
    history.slots[static_cast<std::size_t>(slot) % slots_kept] = slot_missing;
  std::fill(history.recent.begin(), history.recent.end(), -1.0F);
  for (PendingPrediction& entry : history.pending) entry.made = -1;
  history.bin = bin;
  history.bin_arrivals = history.bin_covered = 0;
}

void advance(DemandHistory& history, std::int64_t bin) {
  if (bin - history.bin > static_cast<std::int64_t>(recent_bins)) leap_to(history, bin);
  while (history.bin < bin) close_bin(history);
}

void wake(DemandHistory& history, Instant now) {
  end_rest(history);
  predict(history, history.bin, now, false);
}

std::int64_t bin_of(double at) { return static_cast<std::int64_t>(std::floor(at / bin_seconds)); }

struct Piece {
  double begin = 0;  // seconds since the epoch
  double end = 0;
  double rate = 0;
};

// Feeds a stretch of constant rate, cut at the edges of bins.
void feed(DemandHistory& history, const Piece& piece) {
  double at = piece.begin;
  while (at < piece.end) {
    advance(history, std::max(bin_of(at), history.bin));
    const double edge = static_cast<double>(history.bin + 1) * bin_seconds;
    const double until = std::min(piece.end, std::max(edge, at));
    const double length = until - at;
    smooth(history.level, piece.rate, length, level_window / 2);
    smooth(history.hour, piece.rate, length, hour_constant);
    smooth(history.day, piece.rate, length, day_constant);
    history.bin_arrivals += piece.rate * length;
    history.bin_covered += length;
    history.slot_arrivals += piece.rate * length;
    history.slot_covered += length;
    history.minute_arrivals += piece.rate * length;
    history.minute_covered += length;
    at = until;
    if (at >= edge) close_bin(history);
  }
}

double between(float a, float b, double part) {
  return static_cast<double>(a) + (static_cast<double>(b) - static_cast<double>(a)) * part;
}

// Of the bin being filled, before the whole of it was seen: what came so far, spread over all of it, or the rate so far
// less what may be chance. A rate of two seconds taken as it is would surprise every few minutes.
double least_rate(const DemandHistory& history) {
  const double count = history.bin_arrivals;
  return std::max(count / bin_seconds, (count - chance_deviations * std::sqrt(count)) / history.bin_covered);
}

Forecast forecast(const DemandHistory& history, Duration horizon, bool is_peak) {
  const double ahead = std::clamp(seconds(horizon) / bin_seconds, 1.0, static_cast<double>(horizon_bins.back()));
  std::size_t upper = 1;
  while (upper + 1 < horizons && static_cast<double>(horizon_bins[upper]) < ahead) ++upper;
  const double from = horizon_bins[upper - 1];
  const double part = std::log(ahead / from) / std::log(horizon_bins[upper] / from);
  const HorizonAnswer& near = history.answers[upper - 1];
  const HorizonAnswer& far = history.answers[upper];

  Forecast answer;
  for (std::size_t i = 0; i < quantile_points; ++i)
    answer.rate.rates[i] =
        is_peak ? between(near.peak[i], far.peak[i], part) : between(near.value[i], far.value[i], part);
  const HorizonAnswer& nearest = part < 0.5 ? near : far;
  answer.trusted = static_cast<Forecaster>(is_peak ? nearest.peak_leader : nearest.value_leader);
  answer.level = history.level.mean;
  answer.has_history = history.covered >= level_window;
  for (std::size_t h = 0; h <= upper; ++h) answer.broken = answer.broken || history.answers[h].broken;
  // A surge shows before its bin is complete.
  if (history.bin_covered >= 2 && history.bin_arrivals >= 5) {
    const double present = least_rate(history);
    if (present > static_cast<double>(history.answers[0].value[9])) insure(answer.rate.rates, answer.level, present);
  }
  return answer;
}

}  // namespace

double RateQuantiles::at(double q) const {
  if (!(q > probabilities.front())) return rates.front();
  if (q >= probabilities.back()) return rates.back();
  std::size_t i = 1;
  while (probabilities[i] < q) ++i;
  const double part = (q - probabilities[i - 1]) / (probabilities[i] - probabilities[i - 1]);
  return rates[i - 1] + (rates[i] - rates[i - 1]) * part;
}

void observe(DemandHistory& history, Instant now, Duration interval, double arrivals) {
  if (interval <= Duration::zero() || !(arrivals >= 0) || !std::isfinite(arrivals)) return;
  const double end = seconds(now);
  double begin = end - seconds(interval);
  if (begin < 0) return;
  if (!history.started)
    start(history, bin_of(begin));
  else if (now <= history.seen)
    return;
  const double rate = arrivals / (end - begin);
  // What overlaps the intervals before was counted then.
  begin = std::max({begin, end - interval_longest, seconds(history.seen)});
  if (is_resting(history) && (arrivals > 0 || !may_rest(history))) wake(history, now);
  feed(history, {.begin = begin, .end = end, .rate = rate});
  history.covered += end - begin;
  history.seen = now;
  if (arrivals > 0) observe_arrivals(history.gaps, now - interval / 2, arrivals);
  // Until the first bin is complete there is only the prior around the level to answer with.
  if (history.covered < 2 * bin_seconds) predict(history, history.bin, now, false);
  if (!is_resting(history) && may_rest(history)) rest(history);
}

void observe_gap(DemandHistory& history, Instant now) {
  if (!history.started || now <= history.seen) return;
  history.seen = now;
  history.gaps.last_known = false;
  advance(history, bin_of(seconds(now)));
}

Forecast forecast_at(const DemandHistory& history, Instant, Duration horizon) {
  return forecast(history, horizon, false);
}

Forecast forecast_peak(const DemandHistory& history, Instant, Duration horizon) {
  return forecast(history, horizon, true);
}

}  // namespace tidegate
