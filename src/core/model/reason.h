// Why: the closed vocabulary of decisions. One table; JSON, logs, metrics, scenarios and docs spell a reason
// as it is spelled here (docs/reference/reasons.md is generated from the table).
#pragma once

#include <cstdint>

#include "core/base/enum_text.h"

namespace tidegate {

enum class Reason : std::uint8_t {
  // nothing to do
  steady,             // the present size lies inside the band
  rounds_to_current,  // the band asks for a fraction that rounds to the present size
  // raising
  load_rise,            // the load being served now needs more
  forecast_demand,      // demand expected at the lead time needs more
  backlog,              // queued requests would miss the SLO with what is there and starting
  slo_breach_observed,  // the measured latency exceeds the objective
  activate_request,     // a request waits and nothing is there to serve it
  signal_above_target,  // a target policy's signal is above its target
  schedule,             // a schedule's window is open
  below_min,
  replica_unhealthy,  // a failed replica is replaced
  // lowering
  load_fall,     // less is worth keeping than is there
  idle_timeout,  // idle longer than a cold start is worth
  signal_below_target,
  above_max,
  cost_switch,  // another pool serves the same need for less
  // held back
  at_min,
  at_max,
  pool_at_max,
  budget_cap,
  step_limited,
  rate_limited,
  hold_down,  // within the hold time of a recent peak
  dwell,      // too soon after a reversal
  warming,    // replicas are starting; nothing is lowered under them
  draining,
  no_data,  // no usable evidence of load
  signals_stale,
  signals_error,
  signals_partial,  // some replicas do not report
  restart_hold,     // windows are not full again since the restart
  insufficient_history,
  model_uncalibrated,  // the learned capacity fits poorly; the hint or the raw load is used
  paused,
  override_active,
  shadow,
  rollout,               // a new revision is being rolled out
  capacity_unavailable,  // no free slot, GPU or instance
  gpu_busy,              // a GPU is used by a foreign process
  slo_unreachable,       // no pool can meet the SLO; the fastest one is used
  rollout_failed,
  start_failed,  // a replica did not get ready; backing off
  target_error,
  conflict,  // somebody else writes the size too
  // a stage that changed nothing
  within_limits,
  trusted,           // forecast: the named forecaster leads
  learned,           // capacity: measured
  hinted,            // capacity: from the spec or a profile
  unknown_capacity,  // capacity: neither; one request at a time is assumed
};

template <>
inline constexpr auto enum_texts<Reason> = std::to_array<EnumText<Reason>>({
    {Reason::steady, "steady"},
    {Reason::rounds_to_current, "rounds_to_current"},
    {Reason::load_rise, "load_rise"},
    {Reason::forecast_demand, "forecast_demand"},
    {Reason::backlog, "backlog"},
    {Reason::slo_breach_observed, "slo_breach_observed"},
    {Reason::activate_request, "activate_request"},
    {Reason::signal_above_target, "signal_above_target"},
    {Reason::schedule, "schedule"},
    {Reason::below_min, "below_min"},
    {Reason::replica_unhealthy, "replica_unhealthy"},
    {Reason::load_fall, "load_fall"},
    {Reason::idle_timeout, "idle_timeout"},
    {Reason::signal_below_target, "signal_below_target"},
    {Reason::above_max, "above_max"},
    {Reason::cost_switch, "cost_switch"},
    {Reason::at_min, "at_min"},
    {Reason::at_max, "at_max"},
    {Reason::pool_at_max, "pool_at_max"},
    {Reason::budget_cap, "budget_cap"},
    {Reason::step_limited, "step_limited"},
    {Reason::rate_limited, "rate_limited"},
    {Reason::hold_down, "hold_down"},
    {Reason::dwell, "dwell"},
    {Reason::warming, "warming"},
    {Reason::draining, "draining"},
    {Reason::no_data, "no_data"},
    {Reason::signals_stale, "signals_stale"},
    {Reason::signals_error, "signals_error"},
    {Reason::signals_partial, "signals_partial"},
    {Reason::restart_hold, "restart_hold"},
    {Reason::insufficient_history, "insufficient_history"},
    {Reason::model_uncalibrated, "model_uncalibrated"},
    {Reason::paused, "paused"},
    {Reason::override_active, "override_active"},
    {Reason::shadow, "shadow"},
    {Reason::rollout, "rollout"},
    {Reason::capacity_unavailable, "capacity_unavailable"},
    {Reason::gpu_busy, "gpu_busy"},
    {Reason::slo_unreachable, "slo_unreachable"},
    {Reason::rollout_failed, "rollout_failed"},
    {Reason::start_failed, "start_failed"},
    {Reason::target_error, "target_error"},
    {Reason::conflict, "conflict"},
    {Reason::within_limits, "within_limits"},
    {Reason::trusted, "trusted"},
    {Reason::learned, "learned"},
    {Reason::hinted, "hinted"},
    {Reason::unknown_capacity, "unknown_capacity"},
});

}  // namespace tidegate
