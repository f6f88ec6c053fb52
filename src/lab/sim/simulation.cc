#include "lab/sim/simulation.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/decide/decide.h"
#include "lab/sim/simulation_run.h"

namespace tidegate {
namespace {

SimulatedDecider policy_decider(const ServiceSpec& service) {
  return [&service, state = ServiceState{}](const Observation& seen) mutable {
    auto step = decide(service, std::move(state), seen);
    state = std::move(step.next);
    return std::move(step.decision);
  };
}

}  // namespace

Result<SimulationResult> simulate(const SimulationSpec& spec, RequestFeed feed, const SimulationWatcher& watch) {
  SimulationRun run{spec, std::move(feed)};
  const auto decider = spec.decider ? spec.decider : policy_decider(spec.service);
  bool cancelled = false;
  Duration played{}, asked{};
  while (!run.is_over(played)) {
    if (watch && played - asked >= 1min) {
      asked = played;
      cancelled = !watch({.played = played, .requests = run.arrived()});
      if (cancelled) break;
    }
    const auto seen = run.look(played);
    run.follow(seen, decider(seen), played);
    played += spec.tick;
  }
  return run.finish(played, cancelled);
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
  sum.budget_capped = std::max(sum.budget_capped, one.budget_capped);
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
