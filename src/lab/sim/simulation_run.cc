#include "lab/sim/simulation_run.h"

#include <algorithm>

#include "core/base/check.h"

namespace tidegate {
namespace {

std::string name_of(const std::vector<PolicySpec>& policies) {
  std::string names;
  for (const auto& policy : policies) names += (names.empty() ? "" : "+") + std::string{policy_name(policy)};
  return names;
}

SeriesTick series_tick(const Observation& seen, const Decision& decision, double replica_rate, double interval) {
  SeriesTick tick{.arrivals = seen.arrivals.value,
                  .need = interval > 0 ? seen.arrivals.value / interval / replica_rate : 0,
                  .band = decision.band,
                  .queued = seen.queued.value};
  for (const auto& pool : seen.pools) tick.ready += pool.ready, tick.warming += pool.warming();
  return tick;
}

PlantSpec plant_spec(const SimulationSpec& spec) {
  CHECK(!spec.pools.empty() && spec.pools.size() == spec.service.pools.size() && spec.tick > Duration::zero());
  return {.service = spec.service.name,
          .slo = spec.service.slo,
          .hold = spec.service.hold,
          .pools = spec.pools,
          .faults = spec.faults,
          .start = spec.start,
          .seed = spec.seed,
          .keeps_every_request = false};
}

}  // namespace

SimulationRun::SimulationRun(const SimulationSpec& spec, RequestFeed feed)
    : spec_(spec),
      plant_(plant_spec(spec), std::move(feed)),
      tally_(spec.service.slo, spec.pools, spec.start + spec.warm_up),
      result_{.service = spec.service.name,
              .policy = spec.decider ? "plan" : name_of(spec.service.policies),
              .trace = spec.trace,
              .seed = spec.seed},
      replica_rate_(full_rate(spec.pools.front().work, spec.pools.front().server)) {}

bool SimulationRun::is_over(Duration played) const { return spec_.length ? played > *spec_.length : plant_.is_over(); }

Observation SimulationRun::look(Duration at) {
  plant_.advance(spec_.start + at);
  return plant_.observe();
}

void SimulationRun::follow(const Observation& seen, const Decision& decision, Duration at) {
  plant_.apply(decision);
  tally_.cold_starts(seen.cold_starts.size(), seen.now);
  tally_.decided(decision, spec_.tick);
  auto sample = series_tick(seen, decision, replica_rate_, at == Duration::zero() ? 0 : seconds(spec_.tick));
  const auto [ended, within] = count_ends();
  sample.ended = ended;
  sample.within = within;
  result_.series.add(at, sample);
}

Result<SimulationResult> SimulationRun::finish(Duration played, bool cancelled) {
  result_.cancelled = cancelled;
  (void)plant_.close();
  count_ends();
  if (plant_.error()) return std::unexpected(*plant_.error());
  tally_.finish(spec_.start + std::max(Duration::zero(), played - spec_.tick), result_);
  return std::move(result_);
}

std::pair<double, double> SimulationRun::count_ends() {
  double ended = 0, within = 0;
  for (const auto& [request, good] : plant_.request_ends()) {
    tally_.request(request, good);
    ended += 1, within += good;
  }
  for (const auto& end : plant_.replica_ends()) tally_.replica(end);
  plant_.forget_ends();
  return {ended, within};
}

}  // namespace tidegate
