#include "core/policy/testing/study_rules.h"

#include <algorithm>

namespace tidegate::study {
namespace {

constexpr double smoothing = 60;  // seconds on either side, of the rate that the oracle knows

// The mean rate of the minute before and after each second.
std::vector<double> smoothed(const Setup& setup) {
  const auto length = static_cast<std::int64_t>(setup.length());
  std::vector<double> sums(static_cast<std::size_t>(length) + 1, 0);
  for (std::int64_t t = 0; t < length; ++t)
    sums[static_cast<std::size_t>(t) + 1] =
        sums[static_cast<std::size_t>(t)] + setup.rate(static_cast<double>(t) + 0.5);
  std::vector<double> rates(static_cast<std::size_t>(length));
  for (std::int64_t t = 0; t < length; ++t) {
    const auto from = static_cast<std::size_t>(std::max<std::int64_t>(t - static_cast<std::int64_t>(smoothing), 0));
    const auto to = static_cast<std::size_t>(std::min(t + static_cast<std::int64_t>(smoothing) + 1, length));
    rates[static_cast<std::size_t>(t)] = (sums[to] - sums[from]) / static_cast<double>(to - from);
  }
  return rates;
}

// What falls and rises again within `gap` seconds stays: for each size, the last second it was needed.
void fill_valleys(std::vector<int>& sizes, std::size_t gap) {
  const int most = *std::max_element(sizes.begin(), sizes.end());
  std::vector<std::size_t> needed_last(static_cast<std::size_t>(most) + 1, 0);
  for (std::size_t t = 0; t < sizes.size(); ++t) {
    const int here = sizes[t];
    for (int size = here; size > 0; --size) {
      const std::size_t last = needed_last[static_cast<std::size_t>(size)];
      needed_last[static_cast<std::size_t>(size)] = t + 1;
      if (last == 0 || last == t) continue;
      if (t - last > gap) continue;
      for (std::size_t i = last; i < t; ++i) sizes[i] = std::max(sizes[i], size);
    }
  }
}

}  // namespace

Ours::Ours(const Setup& setup, Percentile percentile) : setup_(&setup) {
  spec_.name = "study";
  spec_.guardrails = {.replicas_min = Replicas{1}, .replicas_max = Replicas{1000}};
  spec_.slo.objectives = {{LatencyKind::queue_wait, percentile, from_seconds(setup.bound)}};
  reference_ = {.slots = slots,
                .residence_base = setup.service * 0.6,
                .residence_slope = setup.service * 0.05,
                .basis = CapacityBasis::learned};
}

int Ours::operator()(double now, const Seen& counts) {
  const Instant at = instant_at(1'700'006'400 + now);
  observe(history_, at, 1s, counts.arrivals);
  seen_.now = at;
  seen_.arrivals = Reading::of(counts.arrivals);
  seen_.completions = Reading::of(counts.completions);
  seen_.in_flight = Reading::of(counts.in_flight);
  seen_.queued = Reading::of(counts.queued);
  seen_.within_slo = Reading::of(counts.within);
  seen_.missed_slo = Reading::of(counts.missed);
  smooth(now, counts);
  const Demand demand{.interval = 1s,
                      .arrivals = counts.arrivals,
                      .arrivals_known = true,
                      .in_flight = counts.in_flight,
                      .queued = counts.queued,
                      .concurrency_known = true,
                      .variability = variability_,
                      .residence = completions_ > 5 ? busy_ / completions_ : 0,
                      .has_evidence = true};
  const Duration lead = from_seconds(setup_->cold * 1.1);
  const Duration hold = lead + from_seconds(std::clamp(4 * setup_->cold, 60.0, 1800.0));
  const Forecast at_lead = forecast_at(history_, at, lead);
  const Forecast over_hold = forecast_peak(history_, at, hold);
  if (followed_ >= 0) {
    memory_.tuner.leader = static_cast<std::uint16_t>(followed_);
    memory_.tuner.phase = 100;
  }
  last_ = propose({}, memory_,
                  {.spec = spec_,
                   .seen = seen_,
                   .demand = demand,
                   .at_lead = at_lead,
                   .over_hold = over_hold,
                   .reference = reference_,
                   .history = history_,
                   .lead_time = lead,
                   .hold_time = hold,
                   .boot_time = from_seconds(setup_->cold),
                   .ready = static_cast<double>(counts.ready),
                   .warming = static_cast<double>(counts.warming)});
  const int committed = counts.ready + counts.warming;
  const int least = std::max(static_cast<int>(std::ceil(last_.band.floor.value() - 1e-9)), 1);
  if (least > committed) return least;
  return std::min(committed, std::max(least, static_cast<int>(std::floor(last_.band.ceiling.value() + 1e-9))));
}

void Ours::smooth(double now, const Seen& counts) {
  const double kept = std::exp(-1 / 60.0);
  busy_ = busy_ * kept + counts.in_flight;
  completions_ = completions_ * kept + counts.completions;
  // Index of dispersion of one-second counts around a smoothed mean, over ten minutes.
  const double share = std::max(1 / 600.0, 1 / now);
  mean_ += std::max(1 / 60.0, 1 / now) * (counts.arrivals - mean_);
  const double deviation = counts.arrivals - mean_;
  spread_ += share * (deviation * deviation - spread_);
  level_ += share * (counts.arrivals - level_);
  if (now > 60 && level_ > 0) variability_ = std::clamp(spread_ / level_, 0.5, 100.0);
}

int Ratio::operator()(double now, const Seen& counts) {
  const int committed = counts.ready + counts.warming;
  if (static_cast<std::int64_t>(now) % 15 != 0) return committed;
  const double load = counts.in_flight + counts.queued;
  int wanted = static_cast<int>(std::ceil(load / target_));
  if (std::abs(load / (target_ * std::max(counts.ready, 1)) - 1) <= 0.1) wanted = counts.ready;
  wanted = std::clamp(wanted, 1, std::max(2 * committed, committed + 4));
  recent_.push_back(wanted);
  if (recent_.size() > std::max<std::size_t>(window_, 1)) recent_.pop_front();
  return std::max(wanted, std::min(committed, *std::max_element(recent_.begin(), recent_.end())));
}

RateOracle::RateOracle(const Setup& setup, double z) : lead_(setup.cold * 1.1) {
  for (const double rate : smoothed(setup)) {
    const double busy = rate * setup.service;
    const double need = (busy + z * std::sqrt(busy * std::max(setup.burstiness, 0.1))) / slots;
    sizes_.push_back(std::max(static_cast<int>(std::ceil(need)), 1));
  }
  fill_valleys(sizes_, static_cast<std::size_t>(setup.cold));
}

int RateOracle::operator()(double now, const Seen& counts) const {
  const auto here = std::min(static_cast<std::size_t>(now), sizes_.size() - 1);
  const auto ahead = std::min(static_cast<std::size_t>(now + lead_), sizes_.size() - 1);
  const int committed = counts.ready + counts.warming;
  // What will be needed when it has started; of what is there, what is needed on the way.
  if (sizes_[ahead] > committed) return sizes_[ahead];
  int least = sizes_[here];
  for (std::size_t t = here; t <= ahead; t += 5) least = std::max(least, sizes_[t]);
  return std::min(committed, std::max(least, sizes_[ahead]));
}

}  // namespace tidegate::study
