#include "lab/sim/simulation.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/check.h"
#include "core/decide/decide.h"
#include "lab/sim/simulation_tally.h"

namespace tidegate {
namespace {

SimulatedDecider policy_decider(const ServiceSpec& service) {
  return [&service, state = ServiceState{}](const Observation& seen) mutable {
    auto step = decide(service, std::move(state), seen);
    state = std::move(step.next);
    return std::move(step.decision);
  };
}

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

class Run {
 public:
  Run(const SimulationSpec& spec, RequestFeed feed)
      : spec_(spec),
        plant_(plant_spec(spec), std::move(feed)),
        decide_(spec.decider ? spec.decider : policy_decider(spec.service)),
        tally_(spec.service.slo, spec.pools, spec.start + spec.warm_up),
        replica_rate_(full_rate(spec.pools.front().work, spec.pools.front().server)) {}

  [[nodiscard]] Result<SimulationResult> play(const SimulationWatcher& watch) {
    SimulationResult result{.service = spec_.service.name,
                            .policy = spec_.decider ? "plan" : name_of(spec_.service.policies),
                            .trace = spec_.trace,
                            .seed = spec_.seed};
    Duration played{};
    Duration asked{};
    while (!is_over(played)) {
      if (watch && played - asked >= 1min) {
        asked = played;
        result.cancelled = !watch({.played = played, .requests = plant_.arrived()});
        if (result.cancelled) break;
      }
      tick(played, result.series);
      played += spec_.tick;
    }
    (void)plant_.close();
    count_ends();
    if (plant_.error()) return std::unexpected(*plant_.error());
    tally_.finish(spec_.start + std::max(Duration::zero(), played - spec_.tick), result);
    return result;
  }

 private:
  static PlantSpec plant_spec(const SimulationSpec& spec) {
    return {.service = spec.service.name,
            .slo = spec.service.slo,
            .hold = spec.service.hold,
            .pools = spec.pools,
            .faults = spec.faults,
            .start = spec.start,
            .seed = spec.seed,
            .keeps_every_request = false};
  }

  [[nodiscard]] bool is_over(Duration played) const { return spec_.length ? played > *spec_.length : plant_.is_over(); }

  void tick(Duration at, SimulationSeries& series) {
    plant_.advance(spec_.start + at);
    const auto seen = plant_.observe();
    const auto decision = decide_(seen);
    plant_.apply(decision);
    tally_.cold_starts(seen.cold_starts.size(), seen.now);
    tally_.decided(decision);
    auto sample = series_tick(seen, decision, replica_rate_, at == Duration::zero() ? 0 : seconds(spec_.tick));
    const auto [ended, within] = count_ends();
    sample.ended = ended;
    sample.within = within;
    series.add(at, sample);
  }

  std::pair<double, double> count_ends() {
    double ended = 0, within = 0;
    for (const auto& [request, good] : plant_.request_ends()) {
      tally_.request(request, good);
      ended += 1, within += good;
    }
    for (const auto& end : plant_.replica_ends()) tally_.replica(end);
    plant_.forget_ends();
    return {ended, within};
  }

  const SimulationSpec& spec_;
  Plant plant_;
  SimulatedDecider decide_;
  SimulationTally tally_;
  double replica_rate_;
};

}  // namespace

Result<SimulationResult> simulate(const SimulationSpec& spec, RequestFeed feed, const SimulationWatcher& watch) {
  CHECK(!spec.pools.empty() && spec.pools.size() == spec.service.pools.size() && spec.tick > Duration::zero());
  return Run{spec, std::move(feed)}.play(watch);
}

void add(SimulationResult& sum, const SimulationResult& one) {
  const auto join = [](std::string& all, const std::string& name) {
    if (all != name) all += (all.empty() ? "" : ", ") + name;
  };
  join(sum.policy, one.policy);
  join(sum.trace, one.trace);
  sum.seed = one.seed;
  for (const auto count :
       {&SimulationResult::requests, &SimulationResult::within, &SimulationResult::dropped, &SimulationResult::cut,
        &SimulationResult::scale_events, &SimulationResult::reversals, &SimulationResult::cold_starts,
        &SimulationResult::cold_start_exposed, &SimulationResult::ticks})
    sum.*count += one.*count;
  for (const auto hours : {&SimulationResult::replica_hours, &SimulationResult::gpu_hours, &SimulationResult::cost})
    sum.*hours += one.*hours;
  sum.digest = (sum.digest ^ one.digest) * 0x9e3779b97f4a7c15ULL;
}

bool is_met(const SimulationResult& result, const Slo& slo) {
  double asked = 0;
  for (const auto& objective : slo.objectives) asked = std::max(asked, fraction(objective.percentile));
  return result.attainment() >= asked;
}

std::uint64_t digest_of(std::uint64_t before, const Decision& decision) {
  auto hash = before;
  const auto mix = [&](std::uint64_t word) {  // one round of splitmix64 over the running hash
    hash = (hash ^ word) + 0x9e3779b97f4a7c15ULL;
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
    hash ^= hash >> 31;
  };
  mix(static_cast<std::uint64_t>(decision.verdict) << 8 | static_cast<std::uint64_t>(decision.reason));
  for (const auto& pool : decision.pools) mix(static_cast<std::uint64_t>(pool.replicas.value()));
  mix(std::bit_cast<std::uint64_t>(decision.band.floor.value()));
  mix(std::bit_cast<std::uint64_t>(decision.band.ceiling.value()));
  return hash;
}

}  // namespace tidegate
