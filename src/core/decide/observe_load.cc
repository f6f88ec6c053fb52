#include "core/decide/observe_load.h"

#include <algorithm>
#include <cmath>

#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

constexpr double residence_memory = 120;    // seconds
constexpr double variability_memory = 600;  // seconds
constexpr double bin_length = 10;           // seconds
constexpr double outlier = 9;               // three deviations
constexpr double variability_least = 0.1;
constexpr double variability_most = 100;

void observe_arrivals(LoadMemory& memory, Demand& demand, const Observation& seen) {
  if (const auto measured = seen.arrivals.fresh()) {
    demand.arrivals = std::max(*measured, 0.0);
    demand.arrivals_known = true;
    demand.arrivals_derived = seen.arrivals.derived;
    return;
  }
  // Derived only where nobody measures: a measurement that failed must not show as a jump of the load.
  const auto completions = seen.completions.fresh();
  const bool can_derive =
      seen.arrivals.quality == Quality::absent && completions && demand.concurrency_known && memory.concurrency_known;
  if (!can_derive) return;
  const double change = demand.in_flight + demand.queued - memory.in_flight - memory.queued;
  demand.arrivals = std::max(*completions + change, 0.0);
  demand.arrivals_known = demand.arrivals_derived = true;
}

void observe_residence(LoadMemory& memory, Demand& demand, const Observation& seen) {
  const double elapsed = seconds(demand.interval);
  const auto completions = seen.completions.fresh();
  if (elapsed > 0 && completions && demand.concurrency_known) {
    const double kept = std::exp(-elapsed / residence_memory);
    memory.busy = memory.busy * kept + demand.in_flight * elapsed;
    memory.completions = memory.completions * kept + *completions;
  }
  if (memory.completions >= 1) demand.residence = memory.busy / memory.completions;
}

void observe_variability(LoadMemory& memory, Demand& demand) {
  if (demand.arrivals_known) {
    memory.bin_seconds += seconds(demand.interval);
    memory.bin_arrivals += demand.arrivals;
  } else {
    memory.bin_seconds = memory.bin_arrivals = 0;
    memory.bin_last = -1;
  }
  if (memory.bin_seconds >= bin_length) {
    const double count = memory.bin_arrivals * bin_length / memory.bin_seconds;
    const double kept = std::exp(-memory.bin_seconds / variability_memory);
    // Differences of neighbours, so that a change of the level is no variability; one jump counts as an outlier.
    if (memory.bin_last >= 0) {
      const double difference = (count - memory.bin_last) * (count - memory.bin_last) / 2;
      const double usual = std::max(memory.bin_square, memory.bin_mean) / std::max(memory.bin_weight, 1.0);
      memory.bin_square = memory.bin_square * kept + std::min(difference, outlier * std::max(usual, 1.0));
      memory.bin_mean = memory.bin_mean * kept + count;
      memory.bin_weight = memory.bin_weight * kept + 1;
    }
    memory.bin_last = count;
    memory.bin_seconds = memory.bin_arrivals = 0;
  }
  // Three bins of a Poisson process stand before the first measurement.
  const double mean = memory.bin_weight > 0 ? memory.bin_mean / memory.bin_weight : 0;
  if (mean > 0)
    demand.variability =
        std::clamp((memory.bin_square + 3 * mean) / (memory.bin_mean + 3 * mean), variability_least, variability_most);
}

// The most telling reason among the readings that could have been evidence.
Reason why_missing(const Observation& seen) {
  for (const Reading* reading : {&seen.in_flight, &seen.arrivals, &seen.completions, &seen.queued}) {
    const Reason reason = missing_reason(*reading);
    if (reason != Reason::steady && reason != Reason::no_data) return reason;
  }
  return Reason::no_data;
}

}  // namespace

Demand observe_load(LoadMemory& memory, const Observation& seen, Duration interval) {
  Demand demand{.interval = interval};
  const auto in_flight = seen.in_flight.fresh();
  demand.concurrency_known = in_flight.has_value();
  demand.in_flight = std::max(in_flight.value_or(0), 0.0);
  demand.queued = std::max(seen.queued.fresh().value_or(0), 0.0);
  if (interval > Duration::zero()) {
    observe_arrivals(memory, demand, seen);
    observe_residence(memory, demand, seen);
    observe_variability(memory, demand);
  }
  const bool is_partial = (seen.in_flight.is_fresh() && seen.in_flight.coverage.is_partial()) ||
                          (seen.arrivals.is_fresh() && seen.arrivals.coverage.is_partial());
  demand.has_evidence = (demand.arrivals_known || demand.concurrency_known) && !is_partial;
  if (is_partial)
    demand.quality = Reason::signals_partial;
  else if (!demand.has_evidence)
    demand.quality = why_missing(seen);
  memory.concurrency_known = demand.concurrency_known;
  memory.in_flight = demand.in_flight;
  memory.queued = demand.queued;
  return demand;
}

}  // namespace tidegate
