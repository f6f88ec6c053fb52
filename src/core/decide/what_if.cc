#include "core/decide/what_if.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/decide/decide.h"

namespace tidegate {
namespace {

constexpr int steps = 12;  // a changed load is held for a minute
constexpr Duration step_length = 5s;
constexpr Duration patience_most = 1h;
constexpr double factor_most = 64;
constexpr int halvings = 12;

void scale(Reading& reading, double factor) {
  if (reading.is_fresh()) reading.value *= factor;
}

// The present load, times `load`, seen for one more step.
Observation repeated(const Observation& seen, Instant now, double per_interval, double load) {
  Observation next = seen;
  next.now = now;
  next.restarted = false;
  next.cold_starts.clear();
  for (Reading* count :
       {&next.arrivals, &next.completions, &next.within_slo, &next.missed_slo, &next.input_tokens, &next.output_tokens})
    scale(*count, per_interval * load);
  for (Reading* level : {&next.in_flight, &next.queued}) scale(*level, load);
  for (CustomReading& custom : next.custom) scale(custom.reading, load);
  for (PoolObservation& pool : next.pools) {
    scale(pool.in_flight, load);
    scale(pool.completions, per_interval * load);
  }
  return next;
}

class Experiment {
 public:
  Experiment(const ServiceState& state, const Observation& seen, Duration interval)
      : state_(state),
        seen_(seen),
        per_step_(interval > Duration::zero() ? seconds(step_length) / seconds(interval) : 1) {}

  [[nodiscard]] Decision after_a_minute(const ServiceSpec& spec, double load = 1) const {
    ServiceState state = state_;
    Decision decision;
    for (int i = 1; i <= steps; ++i) {
      auto step = decide(spec, std::move(state), repeated(seen_, state_.now + i * step_length, per_step_, load));
      state = std::move(step.next);
      decision = std::move(step.decision);
      // What is answered first counts: the present is held still, so later answers repeat it.
      if (load == 1) break;
    }
    return decision;
  }

  // How long the present has to last until `wanted` is decided; none: not within the patience.
  [[nodiscard]] std::optional<std::pair<Duration, Decision>> waited_for(const ServiceSpec& spec,
                                                                        Replicas wanted) const {
    ServiceState state = state_;
    for (Duration waited = step_length; waited <= patience_most; waited += step_length) {
      auto step = decide(spec, std::move(state), repeated(seen_, state_.now + waited, per_step_, 1));
      if (step.decision.total() == wanted) return std::pair{waited, std::move(step.decision)};
      state = std::move(step.next);
    }
    return std::nullopt;
  }

  [[nodiscard]] const Observation& seen() const { return seen_; }

  [[nodiscard]] Decision with(const ServiceSpec& spec, Observation changed) const {
    changed.now = state_.now + step_length;
    changed.restarted = false;
    changed.cold_starts.clear();
    return decide(spec, state_, changed).decision;
  }

 private:
  const ServiceState& state_;
  const Observation& seen_;
  double per_step_;
};

Counterfactual answer(std::string change, const Decision& decision, Replicas wanted) {
  return {.change = std::move(change),
          .then = decision.total(),
          .reason = decision.reason,
          .reaches = decision.total() == wanted};
}

// The load at which the answer first reaches `wanted`, by halving between 1 and what is surely enough.
std::optional<Counterfactual> by_load(const ServiceSpec& spec, const Experiment& experiment, const WhatIf& asked,
                                      double rate) {
  const bool up = asked.wanted > asked.present;
  const auto is_there = [&](const Decision& decision) {
    return up ? decision.total() >= asked.wanted : decision.total() <= asked.wanted;
  };
  double near = 1;
  double far = up ? 2 : 0;
  Decision there = experiment.after_a_minute(spec, far == 1 ? 1.001 : far);
  while (up && !is_there(there) && far < factor_most) {
    near = far;
    far *= 2;
    there = experiment.after_a_minute(spec, far);
  }
  if (!is_there(there)) return std::nullopt;
  for (int i = 0; i < halvings; ++i) {
    const double middle = (near + far) / 2;
    Decision tried = experiment.after_a_minute(spec, middle);
    if (is_there(tried)) {
      far = middle;
      there = std::move(tried);
    } else {
      near = middle;
    }
  }
  return answer(rate > 0 ? fmt::format("the load at {:.3g} times the present {:.3g} requests/s for a minute", far, rate)
                         : fmt::format("the load at {:.3g} times the present for a minute", far),
                there, asked.wanted);
}

void by_settings(const ServiceSpec& spec, const Experiment& experiment, WhatIf& answers) {
  const Guardrails& limits = spec.guardrails;
  const auto attempt = [&](std::string change, const ServiceSpec& changed, const Observation& seen) {
    const Decision decision = experiment.with(changed, seen);
    if (decision.total() == answers.wanted)
      answers.changes.push_back(answer(std::move(change), decision, answers.wanted));
  };
  const auto try_spec = [&](std::string change, auto alter) {
    ServiceSpec changed = spec;
    alter(changed);
    attempt(std::move(change), changed, experiment.seen());
  };
  if (answers.wanted > limits.replicas_max || answers.present == limits.replicas_max)
    try_spec(fmt::format("replicas.max {} instead of {}", answers.wanted.value(), limits.replicas_max.value()),
             [&](ServiceSpec& changed) { changed.guardrails.replicas_max = answers.wanted; });
  if (answers.wanted > answers.present || answers.wanted < limits.replicas_min)
    try_spec(fmt::format("replicas.min {} instead of {}", answers.wanted.value(), limits.replicas_min.value()),
             [&](ServiceSpec& changed) {
               changed.guardrails.replicas_min = answers.wanted;
               changed.guardrails.replicas_max = std::max(changed.guardrails.replicas_max, answers.wanted);
             });
  if (limits.step_up || limits.step_down)
    try_spec("no step limit", [](ServiceSpec& changed) {
      changed.guardrails.step_up.reset();
      changed.guardrails.step_down.reset();
    });
  if (limits.rate_up || limits.rate_down)
    try_spec("no rate limit", [](ServiceSpec& changed) {
      changed.guardrails.rate_up.reset();
      changed.guardrails.rate_down.reset();
    });
  if (limits.dwell != Duration::zero())
    try_spec("no dwell after a reversal", [](ServiceSpec& changed) { changed.guardrails.dwell = Duration::zero(); });
}

void by_steering(const ServiceSpec& spec, const Experiment& experiment, WhatIf& answers) {
  const auto attempt = [&](std::string change, auto alter) {
    Observation changed = experiment.seen();
    alter(changed);
    const Decision decision = experiment.with(spec, std::move(changed));
    if (decision.total() == answers.wanted)
      answers.changes.push_back(answer(std::move(change), decision, answers.wanted));
  };
  if (experiment.seen().pause) attempt("no pause", [](Observation& changed) { changed.pause.reset(); });
  if (experiment.seen().manual) attempt("no override", [](Observation& changed) { changed.manual.reset(); });
  if (experiment.seen().rollout) attempt("no rollout under way", [](Observation& changed) { changed.rollout = false; });
  attempt(fmt::format("an override to {}", answers.wanted.value()), [&](Observation& changed) {
    changed.pause.reset();
    changed.manual = Override{.kind = OverrideKind::pin, .replicas = answers.wanted, .expires = Instant::max()};
  });
}

bool is_beside_the_load(Reason reason) {
  switch (reason) {
    case Reason::at_min:
    case Reason::at_max:
    case Reason::pool_at_max:
    case Reason::budget_cap:
    case Reason::step_limited:
    case Reason::rate_limited:
    case Reason::dwell:
    case Reason::warming:
    case Reason::no_data:
    case Reason::signals_stale:
    case Reason::signals_error:
    case Reason::signals_partial:
    case Reason::restart_hold:
    case Reason::insufficient_history:
    case Reason::paused:
    case Reason::override_active:
    case Reason::rollout:
    case Reason::capacity_unavailable:
    case Reason::gpu_busy:
    case Reason::start_failed:
    case Reason::target_error:
      return true;
    default:
      return false;
  }
}

}  // namespace

WhatIf what_if(const ServiceSpec& spec, const ServiceState& state, const Observation& seen, Duration interval,
               Replicas wanted) {
  const Experiment experiment(state, seen, interval);
  const Decision present = experiment.after_a_minute(spec);
  WhatIf answers{.wanted = wanted, .present = present.total()};
  if (present.verdict == Verdict::hold && is_beside_the_load(present.reason)) answers.blocked_by = present.reason;
  if (wanted == answers.present) {
    answers.changes.push_back(answer("nothing has to change", present, wanted));
    return answers;
  }
  if (auto found = by_load(spec, experiment, answers, present.demand_rate))
    answers.changes.push_back(*std::move(found));
  if (wanted < answers.present)
    if (auto found = experiment.waited_for(spec, wanted))
      answers.changes.push_back(
          answer(fmt::format("the present load for another {}", to_text(found->first)), found->second, wanted));
  by_settings(spec, experiment, answers);
  by_steering(spec, experiment, answers);
  return answers;
}

}  // namespace tidegate
