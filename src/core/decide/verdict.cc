#include "core/decide/verdict.h"

#include <algorithm>

namespace tidegate {
namespace {

Reason raise_reason(const ServicePlan& plan) {
  if (plan.change_reason != Reason::steady) return plan.change_reason;
  const Reason floor = plan.decision.band.floor_reason;
  return floor == Reason::steady ? Reason::load_rise : floor;
}

Reason lower_reason(const ServicePlan& plan) {
  if (plan.change_reason != Reason::steady) return plan.change_reason;
  return plan.decision.band.ceiling_reason;
}

bool says_what_is_missing(Reason reason) {
  return reason == Reason::no_data || reason == Reason::signals_stale || reason == Reason::signals_error ||
         reason == Reason::signals_partial;
}

// Why the present size stays: what stood in the way, else where in the band it lies.
Reason hold_reason(const ServicePlan& plan) {
  if (plan.held_reason == Reason::paused || plan.held_reason == Reason::override_active ||
      plan.held_reason == Reason::target_error)
    return plan.held_reason;
  if (!plan.may_lower && says_what_is_missing(plan.quality)) return plan.quality;
  if (plan.held_reason != Reason::steady) return plan.held_reason;
  if (plan.slo_unreachable) return Reason::slo_unreachable;
  const Band& band = plan.decision.band;
  const double present = plan.weighted_present();
  const double needed = whole_above(band.floor.value());
  if (present > needed && plan.present() > plan.spec.guardrails.replicas_min.value()) {
    const bool falls = band.ceiling_reason == Reason::load_fall || band.ceiling_reason == Reason::signal_below_target ||
                       band.ceiling_reason == Reason::idle_timeout;
    return falls ? Reason::hold_down : band.ceiling_reason;
  }
  if (plan.present() <= plan.spec.guardrails.replicas_min.value() && needed < present) return Reason::at_min;
  return needed == band.floor.value() ? Reason::steady : Reason::rounds_to_current;
}

}  // namespace

void conclude(ServicePlan& plan) {
  Decision& decision = plan.decision;
  bool raises = false;
  bool lowers = false;
  decision.pools.reserve(plan.pools.size());
  for (const PoolPlan& pool : plan.pools) {
    decision.pools.push_back({.pool = pool.spec->name,
                              .replicas = Replicas{pool.target},
                              .slots = whole_above(pool.capacity.admit),
                              .weight = pool.weight});
    raises = raises || pool.target > pool.present;
    lowers = lowers || pool.target < pool.present;
  }
  if (plan.target() > plan.present()) {
    decision.verdict = Verdict::raise;
    decision.reason = raise_reason(plan);
  } else if (plan.target() < plan.present()) {
    decision.verdict = Verdict::lower;
    decision.reason = lower_reason(plan);
  } else if (raises && lowers) {
    decision.verdict = Verdict::move;
    decision.reason = plan.change_reason == Reason::steady ? Reason::cost_switch : plan.change_reason;
  } else {
    decision.verdict = Verdict::hold;
    decision.reason = hold_reason(plan);
  }
  decision.unlocks = plan.unlocks;
}

}  // namespace tidegate
