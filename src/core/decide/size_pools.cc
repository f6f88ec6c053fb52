#include "core/decide/size_pools.h"

#include <algorithm>
#include <cmath>

#include "core/decide/pool_limits.h"

namespace tidegate {
namespace {

constexpr double lead_quantile = 0.8;
constexpr double penalty_boots = 4;
constexpr Duration penalty_least = 1min;
constexpr Duration penalty_most = 30min;

// Dollars and GPUs cannot be compared: GPUs are the cost unless every pool has a price.
double cost_of(const PoolSpec& pool, bool in_dollars) {
  if (in_dollars) return static_cast<double>(pool.price->value()) * 1e-6;
  return pool.gpus_each() > 0 ? pool.gpus_each() : 1;
}

bool has_price(const PoolSpec& pool) { return pool.price && pool.price->value() > 0; }

bool meets_alone(const Capacity& capacity, const Slo& slo) {
  if (capacity.basis != CapacityBasis::learned && capacity.basis != CapacityBasis::hinted) return true;
  return std::ranges::none_of(slo.objectives, [&](const Objective& objective) {
    return objective.kind == LatencyKind::latency && capacity.residence(1) > seconds(objective.bound);
  });
}

CapacityEvidence evidence_of(const ServicePlan& plan, const PoolObservation& pool) {
  const bool is_only_pool = plan.spec.pools.size() == 1;
  const auto in_flight = pool.in_flight.is_fresh() || !is_only_pool ? pool.in_flight : plan.seen.in_flight;
  const auto completions = pool.completions.is_fresh() || !is_only_pool ? pool.completions : plan.seen.completions;
  CapacityEvidence evidence{.interval = plan.interval, .ready = static_cast<double>(pool.ready)};
  if (pool.ready == 0 || !in_flight.is_fresh() || !completions.is_fresh() || in_flight.coverage.is_partial() ||
      pool.draining > 0)
    return {};
  evidence.in_flight = in_flight.value;
  evidence.completions = completions.value;
  evidence.queued = plan.demand.queued;
  evidence.itl_mean = pool.itl_mean.fresh().value_or(0);
  evidence.missed = plan.seen.missed_slo.fresh().value_or(0);
  evidence.judged = plan.seen.within_slo.fresh().value_or(0) + evidence.missed;
  for (const Objective& objective : plan.spec.slo.objectives) {
    if (objective.kind == LatencyKind::queue_wait) continue;  // waiting says nothing of a replica's own speed
    const auto latency = plan.seen.latency(objective.kind, objective.percentile).fresh();
    if (!latency) continue;
    evidence.latency_known = true;
    if (*latency <= seconds(objective.bound)) continue;
    const double share = 1 - fraction(objective.percentile);
    evidence.breached_share = evidence.breached_share > 0 ? std::min(evidence.breached_share, share) : share;
  }
  return evidence;
}

void learn(ServicePlan& plan, const PoolObservation& pool) {
  PoolMemory& memory = plan.state.pools[pool.pool];
  const auto evidence = evidence_of(plan, pool);
  if (evidence.interval > Duration::zero())
    observe(memory.capacity, plan.seen.now, evidence);
  else if (plan.demand.queued > 0)
    end_quiet(memory.capacity);
  std::vector<Duration> took;
  for (const ColdStart& cold : plan.seen.cold_starts)
    if (cold.pool == pool.pool) took.push_back(cold.took);
  std::ranges::sort(took);  // those of one interval have no order of their own
  for (const Duration each : took) observe(memory.cold_starts, each);
}

// The cheapest per weight that has room; the reference pool when none has.
const PoolPlan& bought_next(const std::vector<PoolPlan>& pools) {
  const PoolPlan* best = nullptr;
  for (const PoolPlan& pool : pools) {
    if (pool.room() == 0 || !pool.meets_slo) continue;
    if (best == nullptr || pool.cost * best->weight < best->cost * pool.weight) best = &pool;
  }
  return best != nullptr ? *best : pools.front();
}

const PoolObservation* seen_pool(const Observation& seen, const std::string& name) {
  const auto found = std::ranges::find(seen.pools, name, &PoolObservation::pool);
  return found == seen.pools.end() ? nullptr : &*found;
}

}  // namespace

void size_pools(ServicePlan& plan) {
  plan.pools.reserve(plan.spec.pools.size());
  const bool in_dollars = std::ranges::all_of(plan.spec.pools, has_price);
  for (const PoolSpec& spec : plan.spec.pools) {
    PoolPlan pool{.spec = &spec, .seen = seen_pool(plan.seen, spec.name), .cost = cost_of(spec, in_dollars)};
    StartMemory& starts = plan.state.starts[spec.name];
    if (pool.seen != nullptr) {
      learn(plan, *pool.seen);
      learn_limits(starts, plan.seen, *pool.seen);
      pool.ready = pool.seen->ready;
      pool.warming = pool.seen->warming();
      pool.unplaced = unplaced(*pool.seen);
      pool.present = pool.target = pool.ready + pool.warming;
    }
    const PoolMemory& memory = plan.state.pools[spec.name];
    pool.capacity = capacity(memory.capacity, spec, plan.spec.slo);
    pool.meets_slo = meets_alone(pool.capacity, plan.spec.slo);
    pool.lead_time = cold_start_quantile(memory.cold_starts, spec.startup, lead_quantile) + plan.interval;
    pool.boot_time = cold_start_quantile(memory.cold_starts, spec.startup, 0.5) + plan.interval;
    limit_pool(pool, plan, starts);
    plan.pools.push_back(pool);
  }
  const double reference = plan.pools.front().capacity.rate();
  for (PoolPlan& pool : plan.pools) {
    const bool is_comparable =
        pool.capacity.basis != CapacityBasis::unknown && plan.pools.front().capacity.basis != CapacityBasis::unknown;
    if (is_comparable) pool.weight = std::clamp(pool.capacity.rate() / reference, 0.02, 50.0);
  }
  const PoolPlan& next = bought_next(plan.pools);
  const Duration boot = next.lead_time - plan.interval;
  plan.decision.lead_time = next.lead_time;
  plan.boot_time = next.boot_time;
  plan.decision.hold_time =
      boot + std::clamp(from_seconds(penalty_boots * seconds(boot)), Duration{penalty_least}, Duration{penalty_most});
}

}  // namespace tidegate
