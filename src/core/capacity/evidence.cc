// How evidence becomes sums by concurrency: windows in near-steady state, forgetting, and shifts of the work.
#include <algorithm>
#include <cmath>

#include "core/capacity/capacity.h"
#include "core/capacity/residence_fit.h"

namespace tidegate {
namespace {

constexpr double window_least = 5;  // seconds
constexpr double window_most = 120;
// A reading of in-flight is one glance at a random number. Until the glances add up to this many requests, its noise
// would pass for a residence that grows with concurrency.
constexpr double window_glances = 8;
constexpr double window_seen = 100;
constexpr double window_completions = 50;
constexpr double completions_least = 3;
constexpr double evidence_half_life = 3600;  // seconds of evidence
constexpr double reach_half_life = 86400;    // ... until what was once carried is half believed
constexpr double latency_window = 60;        // seconds the measured quantiles look back
constexpr double quiet_most = 1e6;           // seconds
constexpr double queue_share = 0.05;         // of in-flight: below it nobody waits

// Bins from a quarter of a request upwards, each 1.6 times the one before: the last starts at about 1900.
std::size_t bin_of(double concurrency) {
  const double at = std::floor(std::log(std::max(concurrency, 0.25) / 0.25) / std::log(1.6));
  return std::min(static_cast<std::size_t>(at), CapacityState::bins - 1);
}

void scale(ConcurrencyBin& bin, double by) {
  bin.busy *= by;
  bin.completions *= by;
  bin.replica_seconds *= by;
  bin.itl_sum *= by;
  bin.itl_weight *= by;
}

// The work changed size: residences move by `ratio` and weigh little, so that what comes decides.
void move_all(CapacityState& state, double ratio) {
  for (ConcurrencyBin& bin : state.by_concurrency) {
    if (!(bin.completions > 0)) continue;
    scale(bin, std::min(1.0, 15 * std::max(ratio, 1.0) / bin.completions));
    bin.completions /= ratio;
  }
  const double noise = state.shift.noise;
  state.shift = {};
  state.shift.noise = noise;
}

void detect_shift(CapacityState& state, double ratio_log) {
  ShiftDetector& shift = state.shift;
  const double unit = std::max(shift.noise, 0.1);
  const double z = std::clamp(ratio_log / unit, -6.0, 6.0);
  shift.up = std::max(0.0, shift.up + z - 1.5);
  shift.down = std::max(0.0, shift.down - z - 1.5);
  if (shift.up > 0)
    shift.up_sum += ratio_log, ++shift.up_count;
  else
    shift.up_sum = 0, shift.up_count = 0;
  if (shift.down > 0)
    shift.down_sum += ratio_log, ++shift.down_count;
  else
    shift.down_sum = 0, shift.down_count = 0;
  constexpr double alarm = 8;
  if (shift.up > alarm)
    move_all(state, std::exp(shift.up_sum / shift.up_count));
  else if (shift.down > alarm)
    move_all(state, std::exp(shift.down_sum / shift.down_count));
  else
    shift.noise += 0.05 * (std::min(std::abs(ratio_log), 1.0) - shift.noise);
}

// Objectives missed while nobody waited, nor had waited when what ends now began, are the replicas' own doing. A
// quantile of few requests is nearly their maximum, so one beyond its bound is taken for no more than it says: twice
// the share it allows, one request at least.
void judge(const CapacityState& state, const EvidenceWindow& window, ConcurrencyBin& bin) {
  if (state.quiet < latency_window + window.length) return;
  if (window.judged > 0) {
    bin.judged += window.judged;
    bin.missed += window.missed;
  } else if (window.latency_known) {
    bin.judged += window.completions;
    if (window.breached_share > 0) bin.missed += std::max(2 * window.breached_share * window.completions, 1.0);
  }
}

void take(CapacityState& state, const EvidenceWindow& window) {
  // Little's law holds for what is inside steadily: half of the change of in-flight is counted as served.
  const double change = window.in_flight_last - window.in_flight_first;
  const double served = window.completions + change / 2;
  if (window.completions < completions_least || !(window.busy > 0)) return;
  if (std::abs(change) > 0.5 * window.completions || served <= 0) return;
  const double replica_seconds = window.ready * window.length;
  const double concurrency = window.busy / replica_seconds;

  const double kept = std::exp2(-window.length / evidence_half_life);
  for (ConcurrencyBin& bin : state.by_concurrency) {
    bin.judged *= kept;
    bin.missed *= kept;
  }
  state.windows = state.windows * kept + 1;
  state.concurrency_max = std::max(state.concurrency_max * std::exp2(-window.length / reach_half_life), concurrency);
  if (const auto line = fit_residence(state, std::nullopt); line && state.windows > 3)
    detect_shift(state, std::log(window.busy / served / line->at(concurrency)));

  // Sorted by what the window before held: one that looked full by the noise of its own in-flight would be sorted as
  // full, and residence would seem to grow with concurrency (a constant 4 s was learned as 3.7 s + 0.07 s a request).
  const double before = state.in_flight_before >= 0 ? state.in_flight_before / window.ready : concurrency;
  state.in_flight_before = window.busy / window.length;
  ConcurrencyBin& bin = state.by_concurrency[bin_of(before)];
  scale(bin, kept);  // a night's light load does not forget what the day taught: a shift of the work does
  bin.busy += window.busy;
  bin.completions += served;
  bin.replica_seconds += replica_seconds;
  bin.itl_sum += window.itl_sum;
  bin.itl_weight += window.itl_weight;
  judge(state, window, state.by_concurrency[bin_of(concurrency)]);
}

bool is_usable(const CapacityEvidence& seen) {
  return seen.interval > Duration::zero() && seen.ready > 0 && std::isfinite(seen.ready) && seen.in_flight >= 0 &&
         std::isfinite(seen.in_flight) && seen.completions >= 0 && std::isfinite(seen.completions);
}

}  // namespace

void end_quiet(CapacityState& state) { state.quiet = 0; }

void observe(CapacityState& state, Instant, const CapacityEvidence& seen) {
  EvidenceWindow& window = state.window;
  if (!is_usable(seen)) {
    window = {};
    return;
  }
  // Whatever becomes of the windows: while a surge is met they end whenever a replica comes.
  state.quiet = std::min(state.quiet + seconds(seen.interval), quiet_most);
  if (seen.queued > queue_share * seen.in_flight) end_quiet(state);
  if (window.length > 0 && window.ready != seen.ready) window = {};
  const double length = seconds(seen.interval);
  if (!(window.length > 0)) {
    window.ready = seen.ready;
    window.in_flight_first = seen.in_flight;
  }
  window.length += length;
  ++window.samples;
  window.busy += seen.in_flight * length;
  window.completions += seen.completions;
  window.in_flight_last = seen.in_flight;
  if (seen.itl_mean > 0 && std::isfinite(seen.itl_mean)) {
    window.itl_sum += seen.itl_mean * seen.completions;
    window.itl_weight += seen.completions;
  }
  window.latency_known = window.latency_known || seen.latency_known;
  window.judged += std::max(seen.judged, 0.0);
  window.missed += std::clamp(seen.missed, 0.0, std::max(seen.judged, 0.0));
  window.breached_share = std::max(window.breached_share, seen.breached_share);
  const bool is_full = window.completions >= window_completions && window.length >= window_least &&
                       window.samples >= window_glances && window.busy / window.length * window.samples >= window_seen;
  if (!is_full && window.length < window_most) return;
  take(state, window);
  state.window = {};
}

}  // namespace tidegate
