#include "core/capacity/capacity.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/capacity/residence_fit.h"

namespace tidegate {
namespace {

constexpr double knee = 9;           // rate(c) = 0.9 / slope at c = 9 base / slope
constexpr double limit_part = 0.75;  // of a concurrency at which too many miss
constexpr double judged_least = 50;  // requests until a share says anything
constexpr double clearly_less = 0.8;
constexpr double extrapolation = 1.5;  // of the highest concurrency seen
constexpr double error_accepted = 0.25;
constexpr double noise_accepted = 0.6;
constexpr double windows_to_learn = 5;
constexpr double windows_to_refuse = 12;
constexpr double hint_windows = 10;  // the hint weighs as that many windows
constexpr double slots_unbounded = 1024;
constexpr double admit_untold = 128;  // half of what LLM servers run at once by default

// Quantile over mean of a lognormal: the tail of single requests around the mean the fit gives. Lengths of requests
// vary (sigma 0.5); times between tokens less (0.25).
double tail_factor(Percentile p, double sigma) {
  constexpr std::array z{0.0, 1.2816, 1.6449, 2.3263, 3.0902};
  return std::max(1.0, std::exp(sigma * z[static_cast<std::size_t>(p)] - sigma * sigma / 2));
}

// The largest c at which base + slope c stays within the bound.
double bound_by(const LineFit& line, double bound) {
  if (line.base + line.slope >= bound) return 1;
  return line.slope > 0 ? (bound - line.base) / line.slope : slots_unbounded;
}

double slots_of(const LineFit& residence, const std::optional<LineFit>& itl, const Slo& slo) {
  double slots = slots_unbounded;
  if (residence.slope > 0) slots = std::min(slots, std::max(knee * residence.base / residence.slope, 1.0));
  for (const Objective& objective : slo.objectives) {
    const double bound = seconds(objective.bound);
    if (objective.kind == LatencyKind::latency)
      slots = std::min(slots, bound_by(residence, bound / tail_factor(objective.percentile, 0.5)));
    if (objective.kind == LatencyKind::itl && itl)
      slots = std::min(slots, bound_by(*itl, bound / tail_factor(objective.percentile, 0.25)));
  }
  return slots;
}

std::optional<Capacity> hinted(const CapacityHint& hint, const Slo& slo) {
  Capacity capacity{.basis = CapacityBasis::hinted};
  if (hint.residence_base) {
    capacity.residence_base = std::max(seconds(*hint.residence_base), 1e-6);
    capacity.residence_slope = hint.residence_slope ? std::max(seconds(*hint.residence_slope), 0.0) : 0;
    capacity.slots = slots_of({capacity.residence_base, capacity.residence_slope}, std::nullopt, slo);
    if (hint.slots) capacity.slots = *hint.slots;
  } else if (hint.slots) {
    capacity.slots = *hint.slots;
    capacity.residence_base = hint.service ? std::max(seconds(*hint.service), 1e-6) : 1;
  } else {
    return std::nullopt;
  }
  capacity.slots = std::max(capacity.slots, 1.0);
  return capacity;
}

// The least concurrency beyond which measured throughput no longer grew; infinite while it still grows. A bin is not
// always fuller than the one before it (evidence.cc), so each is held against all that were fuller.
double saturation(const CapacityState& state) {
  double least = std::numeric_limits<double>::infinity();
  for (const ConcurrencyBin& low : state.by_concurrency) {
    if (low.completions < 50) continue;
    const double rate = low.completions / low.replica_seconds;
    bool higher_seen = false;
    bool higher_gains = false;
    for (const ConcurrencyBin& high : state.by_concurrency) {
      if (high.completions < 50 || high.concurrency() <= low.concurrency()) continue;
      higher_seen = higher_seen || high.concurrency() >= 1.3 * low.concurrency();
      higher_gains = higher_gains || high.completions / high.replica_seconds > 1.05 * rate;
    }
    if (higher_seen && !higher_gains) least = std::min(least, low.concurrency());
  }
  return least;
}

// The share of requests that the strictest objective of the replicas' own speed lets miss.
double share_allowed(const Slo& slo) {
  double share = 1;
  for (const Objective& objective : slo.objectives)
    if (objective.kind != LatencyKind::queue_wait) share = std::min(share, 1 - fraction(objective.percentile));
  return share;
}

struct Judged {
  double judged = 0;
  double missed = 0;

  [[nodiscard]] bool is_known() const { return judged >= judged_least; }
  [[nodiscard]] double share() const { return judged > 0 ? missed / judged : 0; }
  void add(const ConcurrencyBin& bin) {
    judged += bin.judged;
    missed += bin.missed;
  }
};

// Below the least concurrency at which more requests missed than may, beyond chance (two standard errors and one),
// while the share rises with concurrency: what misses alike at any is not the concurrency's doing. Infinite: no limit.
// Worked: 30 of 1000 missed where 10 may (10 + 2 sqrt 10 + 1 = 17.3), 5 of 1000 below: limited.
double concurrency_limit(const CapacityState& state, double allowed) {
  Judged below, above;
  for (const ConcurrencyBin& bin : state.by_concurrency) above.add(bin);
  for (const ConcurrencyBin& bin : state.by_concurrency) {
    Judged here;
    here.add(bin);
    above.judged -= here.judged;
    above.missed -= here.missed;
    const double may = allowed * here.judged;
    const bool rises = below.is_known()   ? below.share() < clearly_less * here.share()
                       : above.is_known() ? here.share() < clearly_less * above.share()
                                          : true;
    if (here.missed > may + 2 * std::sqrt(may) + 1 && rises) return std::max(limit_part * bin.concurrency(), 1.0);
    below.add(bin);
  }
  return std::numeric_limits<double>::infinity();
}

// The measured mean, nothing extrapolated: what is left when the model does not fit.
Capacity raw_estimate(const CapacityState& state) {
  ConcurrencyBin all;
  for (const ConcurrencyBin& bin : state.by_concurrency) {
    all.busy += bin.busy;
    all.completions += bin.completions;
    all.replica_seconds += bin.replica_seconds;
  }
  return {.slots = std::max(all.concurrency(), 1.0), .residence_base = std::max(all.residence(), 1e-6)};
}

}  // namespace

double Capacity::concurrency_at(double rate) const {
  if (!(rate > 0)) return 0;
  const double left = 1 - rate * residence_slope;
  if (left <= 0) return slots;
  return std::min(rate * residence_base / left, slots);
}

Capacity capacity(const CapacityState& state, const PoolSpec& pool, const Slo& slo) {
  const std::optional<Capacity> hint = hinted(pool.capacity, slo);
  const double server_limit = std::max(pool.capacity.slots_max.value_or(slots_unbounded), 1.0);
  const double most = concurrency_limit(state, share_allowed(slo));
  double open = slots_unbounded;  // what the fit allows, seen or not
  const auto limited = [&](Capacity answer) {
    answer.slots = std::min(answer.slots, server_limit);
    answer.slots = std::min(answer.slots, most);
    answer.slots = std::max(answer.slots, 1.0);
    // What the user said of the slots is a bound; a profile's or a fit's is an estimate.
    double admit = hint ? std::max(pool.capacity.slots.value_or(admit_untold), answer.slots) : admit_untold;
    if (answer.basis == CapacityBasis::learned) admit = std::min(admit, std::max(open, answer.slots));
    admit = std::min(admit, most);
    answer.admit = std::max(std::min(admit, server_limit), answer.slots);
    return answer;
  };
  std::optional<PriorLine> prior;
  if (hint) prior = PriorLine{{hint->residence_base, hint->residence_slope}, hint->slots};
  const std::optional<LineFit> line = fit_residence(state, prior);
  if (!line || state.windows < windows_to_learn) return limited(hint.value_or(Capacity{}));

  const double error = std::max(fit_error(state, *line), state.shift.noise / noise_accepted * error_accepted);
  if (error > error_accepted && state.windows >= windows_to_refuse) {
    Capacity answer = hint.value_or(raw_estimate(state));
    answer.basis = CapacityBasis::refused;
    answer.error = error;
    return limited(answer);
  }
  Capacity answer{.residence_base = line->base, .residence_slope = line->slope, .basis = CapacityBasis::learned};
  answer.error = error;
  const double seen = std::max(state.concurrency_max, 1.0);
  // What the user said of the slots is passed only as far as replicas were seen to carry more.
  const double reach = std::max((pool.capacity.slots ? 1 : extrapolation) * seen, hint ? hint->slots : 0.0);
  open = std::min(slots_of(*line, fit_itl(state), slo), saturation(state));
  answer.slots = std::min(open, reach);
  if (hint) {
    // Geometric, so that a hint twice too high and one twice too low fade alike.
    const double share = state.windows / (state.windows + hint_windows);
    answer.slots = std::exp(share * std::log(std::max(answer.slots, 1.0)) + (1 - share) * std::log(hint->slots));
  }
  return limited(answer);
}

}  // namespace tidegate
