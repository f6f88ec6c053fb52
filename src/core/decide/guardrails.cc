#include "core/decide/guardrails.h"

#include <algorithm>

#include "core/decide/pool_mix.h"

namespace tidegate {
namespace {

constexpr Duration after_gap = 1min;
constexpr Duration after_restart = 2min;
constexpr Duration after_restart_most = 10min;
constexpr std::size_t ledger_most = 256;

// What a service needs to have seen again before it may lower after a restart that forgot everything.
Duration restart_window(const ServicePlan& plan) {
  Duration window = std::max(Duration{after_restart}, std::min(plan.decision.hold_time, Duration{after_restart_most}));
  for (const PolicySpec& policy : plan.spec.policies) {
    if (const auto* target = std::get_if<TargetPolicy>(&policy)) window = std::max(window, target->hold_down);
    if (const auto* hpa = std::get_if<HpaPolicy>(&policy)) window = std::max(window, hpa->stabilize_down);
    if (const auto* keda = std::get_if<KedaPolicy>(&policy))
      window = std::max({window, keda->cooldown_period, keda->stabilize_down.value_or(5min)});
    if (const auto* knative = std::get_if<KnativePolicy>(&policy)) window = std::max(window, knative->window);
    if (const auto* ray_serve = std::get_if<RayServePolicy>(&policy))
      window = std::max(window, ray_serve->look_back_period);
  }
  return window;
}

class Guard {
 public:
  explicit Guard(ServicePlan& plan) : plan_(plan), limits_(plan.spec.guardrails), memory_(plan.state.guard) {}

  StageResult run() {
    StageResult result{.before = static_cast<double>(plan_.target()), .reason = Reason::within_limits};
    watch_evidence();
    if (plan_.seen.unseen) return stay(result, Reason::target_error, "the target cannot be seen");
    if (is_paused()) {
      plan_.unlocks = plan_.seen.pause->expires;
      return stay(result, Reason::paused, "paused");
    }
    const bool is_steered = apply_override();
    if (!is_steered) {
      hold_what_is_there();
      limit_pace();
    }
    keep_within(is_steered);
    return finish(result, bound_, note_);
  }

 private:
  StageResult stay(StageResult result, Reason reason, std::string_view note) {
    for (PoolPlan& pool : plan_.pools) pool.target = pool.present;
    plan_.held_reason = reason;
    return finish(result, reason, note);
  }

  [[nodiscard]] bool is_paused() const {
    const auto& pause = plan_.seen.pause;
    return pause && (!pause->expires || plan_.seen.now < *pause->expires);
  }

  void watch_evidence() {
    const Instant now = plan_.seen.now;
    const auto hold_until = [&](Instant until, bool is_restart) {
      if (memory_.blind_until && *memory_.blind_until >= until) return;
      memory_.blind_until = until;
      memory_.is_restart = is_restart;
    };
    if (plan_.seen.restarted) hold_until(now + restart_window(plan_), true);
    // Partial coverage is no gap: what was seen was true.
    if (!plan_.may_lower && plan_.quality != Reason::signals_partial && plan_.interval > Duration::zero())
      hold_until(now + after_gap, memory_.is_restart && memory_.blind_until && now < *memory_.blind_until);
    if (memory_.blind_until && now >= *memory_.blind_until) {
      memory_.blind_until.reset();
      memory_.is_restart = false;
    }
  }

  bool apply_override() {
    const auto& manual = plan_.seen.manual;
    if (!manual || plan_.seen.now >= manual->expires) return false;
    const std::int32_t wanted = manual->replicas.value();
    const std::int32_t planned = plan_.target();
    const bool binds = manual->kind == OverrideKind::pin || (manual->kind == OverrideKind::floor && planned < wanted) ||
                       (manual->kind == OverrideKind::ceiling && planned > wanted);
    if (!binds) return false;
    resize_to(plan_, wanted);
    bind(Reason::override_active, manual->kind == OverrideKind::pin     ? "pinned"
                                  : manual->kind == OverrideKind::floor ? "floor"
                                                                        : "ceiling");
    plan_.change_reason = Reason::override_active;
    plan_.held_reason = Reason::override_active;
    plan_.unlocks = manual->expires;
    return true;
  }

  // The reason nothing may lower now; steady: it may.
  [[nodiscard]] Reason why_not_lower() {
    const Instant now = plan_.seen.now;
    if (!plan_.may_lower) return plan_.quality;
    if (memory_.blind_until && now < *memory_.blind_until) {
      plan_.unlocks = *memory_.blind_until;
      return memory_.is_restart ? Reason::restart_hold : Reason::insufficient_history;
    }
    if (plan_.seen.rollout) return Reason::rollout;
    // A move looks itself that what is ready carries the load.
    if (plan_.warming() > 0 && plan_.change_reason != Reason::cost_switch) return Reason::warming;
    const Duration dwell = limits_.dwell.value_or(plan_.decision.lead_time);
    if (memory_.reversed && now - *memory_.reversed < dwell) {
      plan_.unlocks = *memory_.reversed + dwell;
      return Reason::dwell;
    }
    return Reason::steady;
  }

  void hold_what_is_there() {
    const bool lowers =
        std::ranges::any_of(plan_.pools, [](const PoolPlan& pool) { return pool.target < pool.present; });
    if (!lowers) return;
    const Reason why = why_not_lower();
    if (why == Reason::steady) return;
    for (PoolPlan& pool : plan_.pools) pool.target = std::max(pool.target, pool.present);
    bind(why, "nothing lowers");
  }

  // How far the total may go this time, by what was changed within the period.
  [[nodiscard]] std::int32_t used(Duration period, int direction) const {
    std::int32_t sum = 0;
    for (const SizeChange& entry : memory_.ledger)
      if (plan_.seen.now - entry.at < period && entry.change * direction > 0) sum += entry.change * direction;
    return sum;
  }

  void limit_pace() {
    // From what was decided: replicas that crashed or were taken away by others are given back without using up a
    // limit, and what was ordered a moment ago and does not show yet is not ordered twice.
    const std::int32_t from = memory_.decided.value_or(plan_.present());
    const auto limit = [&](std::int32_t most, Reason reason, int direction) {
      const std::int32_t to = from + direction * std::max(most, 0);
      if ((plan_.target() - to) * direction <= 0) return false;
      resize_to(plan_, to);
      bind(reason, direction > 0 ? "raises" : "lowers");
      return true;
    };
    if (plan_.target() > from) {
      if (limits_.step_up) limit(limits_.step_up->value(), Reason::step_limited, 1);
      if (const auto& rate = limits_.rate_up)
        if (limit(rate->change.value() - used(rate->period, 1), Reason::rate_limited, 1)) unlock_after(rate->period, 1);
    } else if (plan_.target() < from) {
      if (limits_.step_down) limit(limits_.step_down->value(), Reason::step_limited, -1);
      if (const auto& rate = limits_.rate_down)
        if (limit(rate->change.value() - used(rate->period, -1), Reason::rate_limited, -1))
          unlock_after(rate->period, -1);
    }
  }

  void unlock_after(Duration period, int direction) {
    for (const SizeChange& entry : memory_.ledger)
      if (plan_.seen.now - entry.at < period && entry.change * direction > 0) {
        plan_.unlocks = entry.at + period;
        return;
      }
  }

  void keep_within(bool is_steered) {
    const std::int32_t least = limits_.replicas_min.value();
    const std::int32_t most = limits_.replicas_max.value();
    const std::int32_t wanted = plan_.target();
    if (wanted < least) {
      resize_to(plan_, least);
      bind(plan_.present() < least ? Reason::below_min : Reason::at_min, "min");
      if (plan_.present() < least) plan_.change_reason = Reason::below_min;
    } else if (wanted > most) {
      resize_to(plan_, most);
      bind(plan_.present() > most ? Reason::above_max : Reason::at_max, "max");
      if (plan_.present() > most) plan_.change_reason = Reason::above_max;
    }
    if (is_steered) return;
    // The band itself may ask for less than the minimum or more than the maximum.
    if (bound_ == Reason::steady && plan_.target() == least && plan_.present() == least &&
        whole_above(plan_.decision.band.ceiling.value()) < least)
      bind(Reason::at_min, "min");
  }

  void bind(Reason reason, std::string_view note) {
    bound_ = reason;
    note_ = note;
    plan_.held_reason = reason;
  }

  StageResult finish(StageResult result, Reason reason, std::string_view note) const {
    result.after = plan_.target();
    if (reason != Reason::steady) {
      result.reason = reason;
      result.note = note;
    } else if (plan_.spec.mode == Mode::shadow) {
      result.reason = Reason::shadow;
      result.note = "decided, not acted on";
    }
    return result;
  }

  ServicePlan& plan_;
  const Guardrails& limits_;
  GuardMemory& memory_;
  Reason bound_ = Reason::steady;
  std::string_view note_;
};

}  // namespace

StageResult guard(ServicePlan& plan) { return Guard{plan}.run(); }

void remember_decision(GuardMemory& memory, Instant now, std::int32_t before, std::int32_t after) {
  const std::int32_t change = after - memory.decided.value_or(before);
  memory.decided = after;
  if (change == 0) return;
  const std::int32_t direction = change > 0 ? 1 : -1;
  if (memory.direction * direction < 0) memory.reversed = now;
  memory.direction = direction;
  memory.ledger.push_back({now, change});
  if (memory.ledger.size() > ledger_most) memory.ledger.erase(memory.ledger.begin());
}

}  // namespace tidegate
