#include "core/decide/decide.h"

#include <cmath>
#include <utility>

#include "core/base/check.h"
#include "core/decide/combine_bands.h"
#include "core/decide/fleet_budget.h"
#include "core/decide/guardrails.h"
#include "core/decide/observe_load.h"
#include "core/decide/plan.h"
#include "core/decide/pool_mix.h"
#include "core/decide/size_pools.h"
#include "core/decide/verdict.h"

namespace tidegate {
namespace {

// What must hold after every stage, whoever wrote it.
void check_plan(const ServicePlan& plan) {
  for (const PoolPlan& pool : plan.pools) CHECK(pool.target >= 0 && pool.weight > 0 && pool.capacity.slots > 0);
  const Band& band = plan.decision.band;
  CHECK(std::isfinite(band.floor.value()) && std::isfinite(band.ceiling.value()));
  CHECK(band.floor >= WeightedReplicas{0} && band.ceiling >= band.floor);
}

void record(ServicePlan& plan, Stage stage, StageResult result) {
  plan.decision.stages.push_back({.stage = stage,
                                  .before = result.before,
                                  .after = result.after,
                                  .reason = result.reason,
                                  .note = result.note,
                                  .facts = std::move(result.facts)});
  check_plan(plan);
}

StageResult observe(ServicePlan& plan) {
  const double before = plan.state.load.in_flight + plan.state.load.queued;
  plan.demand = observe_load(plan.state.load, plan.seen, plan.interval);
  const Demand& demand = plan.demand;
  StageResult result{.before = before, .after = demand.in_flight + demand.queued, .reason = demand.quality};
  result.note = !demand.arrivals_known ? "arrivals unknown" : demand.arrivals_derived ? "derived" : "measured";
  if (demand.arrivals_known) result.facts.push_back({"arrivals", demand.arrivals});
  if (demand.concurrency_known) {
    result.facts.push_back({"in_flight", demand.in_flight});
    result.facts.push_back({"queued", demand.queued});
  }
  result.facts.push_back({"variability", demand.variability});
  return result;
}

StageResult forecast(ServicePlan& plan) {
  DemandHistory& history = plan.state.history;
  const Instant now = plan.seen.now;
  if (plan.interval > Duration::zero()) {
    if (plan.demand.arrivals_known)
      observe(history, now, plan.interval, plan.demand.arrivals);
    else
      observe_gap(history, now);
  }
  size_pools(plan);
  plan.at_lead = forecast_at(history, now, plan.decision.lead_time);
  plan.over_hold = forecast_peak(history, now, plan.decision.hold_time);
  plan.decision.demand_rate = plan.at_lead.level;
  plan.decision.demand_expected = plan.at_lead.rate.at(0.9);
  return {.before = plan.at_lead.level,
          .after = plan.decision.demand_expected,
          .reason = plan.at_lead.has_history ? Reason::trusted : Reason::insufficient_history,
          .note = to_text(plan.at_lead.trusted),
          .facts = {{"rate_p50", plan.at_lead.rate.at(0.5)},
                    {"rate_p90", plan.at_lead.rate.at(0.9)},
                    {"rate_p99", plan.at_lead.rate.at(0.99)},
                    {"peak_p90", plan.over_hold.rate.at(0.9)},
                    {"lead_time", seconds(plan.decision.lead_time)},
                    {"hold_time", seconds(plan.decision.hold_time)}}};
}

Reason reason_of(CapacityBasis basis) {
  switch (basis) {
    case CapacityBasis::learned:
      return Reason::learned;
    case CapacityBasis::hinted:
      return Reason::hinted;
    case CapacityBasis::refused:
      return Reason::model_uncalibrated;
    case CapacityBasis::unknown:
      break;
  }
  return Reason::unknown_capacity;
}

StageResult size(ServicePlan& plan) {
  const Capacity& reference = plan.pools.front().capacity;
  const double busy = plan.demand.concurrency_known ? plan.demand.in_flight + plan.demand.queued
                                                    : plan.at_lead.level * reference.residence(reference.slots);
  return {.before = busy,
          .after = busy / reference.slots,
          .reason = reason_of(reference.basis),
          .note = to_text(reference.basis),
          .facts = {{"slots", reference.slots},
                    {"residence", reference.residence(reference.slots)},
                    {"replica_rate", reference.rate()},
                    {"fit_error", reference.error}}};
}

ServicePlan begin(const ServiceSpec& spec, ServiceState state, const Observation& seen) {
  CHECK(!spec.pools.empty());
  ServicePlan plan{.spec = spec, .seen = seen, .state = std::move(state)};
  plan.decision.now = seen.now;
  plan.decision.service = spec.name;
  plan.decision.stages.reserve(7);
  if (plan.state.started) plan.interval = seen.now - plan.state.now;
  return plan;
}

bool has_advanced(const ServiceState& state, const Observation& seen) { return !state.started || seen.now > state.now; }

void run_to_mix(ServicePlan& plan) {
  record(plan, Stage::observe, observe(plan));
  record(plan, Stage::forecast, forecast(plan));
  record(plan, Stage::size, size(plan));
  record(plan, Stage::band, combine_bands(plan));
  record(plan, Stage::mix, mix_pools(plan));
}

void finish(ServicePlan& plan) {
  record(plan, Stage::guard, guard(plan));
  conclude(plan);
  if (!plan.seen.unseen) remember_decision(plan.state.guard, plan.seen.now, plan.present(), plan.target());
  plan.state.started = true;
  plan.state.now = plan.seen.now;
}

// Time stood still: the present sizes, and nothing learned.
Decision standstill(const ServiceSpec& spec, const Observation& seen) {
  Decision decision{.now = seen.now, .service = spec.name, .verdict = Verdict::hold, .reason = Reason::no_data};
  for (const PoolSpec& pool : spec.pools) {
    PoolDecision size{.pool = pool.name};
    for (const PoolObservation& observed : seen.pools)
      if (observed.pool == pool.name) size.replicas = observed.committed();
    decision.pools.push_back(std::move(size));
  }
  decision.stages.push_back({.stage = Stage::observe, .reason = Reason::no_data, .note = "time did not advance"});
  return decision;
}

}  // namespace

FleetStep decide_fleet(const FleetSpec& spec, FleetState state, const FleetObservation& seen) {
  CHECK(seen.services.size() == spec.services.size());
  state.services.resize(spec.services.size());
  FleetStep step;
  step.decisions.resize(spec.services.size());
  std::vector<ServicePlan> plans;
  std::vector<std::size_t> places;  // of the plans, in the fleet
  plans.reserve(spec.services.size());
  for (std::size_t i = 0; i < spec.services.size(); ++i) {
    if (!has_advanced(state.services[i], seen.services[i])) {
      step.decisions[i] = standstill(spec.services[i], seen.services[i]);
      continue;
    }
    plans.push_back(begin(spec.services[i], std::move(state.services[i]), seen.services[i]));
    places.push_back(i);
    run_to_mix(plans.back());
  }
  auto budget = share_budget(spec.budget, plans);
  for (std::size_t k = 0; k < plans.size(); ++k) {
    record(plans[k], Stage::budget, std::move(budget[k]));
    finish(plans[k]);
    state.services[places[k]] = std::move(plans[k].state);
    step.decisions[places[k]] = std::move(plans[k].decision);
  }
  step.next = std::move(state);
  return step;
}

Step decide(const ServiceSpec& spec, ServiceState state, const Observation& seen) {
  if (!has_advanced(state, seen)) return {std::move(state), standstill(spec, seen)};
  ServicePlan plan = begin(spec, std::move(state), seen);
  run_to_mix(plan);
  auto budget = share_budget({}, {&plan, 1});
  record(plan, Stage::budget, std::move(budget.front()));
  finish(plan);
  return {std::move(plan.state), std::move(plan.decision)};
}

}  // namespace tidegate
