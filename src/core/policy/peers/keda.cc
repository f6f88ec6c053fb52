#include "core/policy/peers/keda.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/policy/peers/hpa_world.h"
#include "core/policy/peers/keda_triggers.h"
#include "core/policy/peers/milli.h"
#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

constexpr std::size_t triggers_most = 16;  // more are not asked; the configuration refuses them

HpaMetricView metric_of(const KedaTrigger& trigger) {
  return {.signal = trigger.signal, .name = trigger.name, .type = trigger.metric_type, .target = trigger.threshold};
}

class ScaledObject {
 public:
  ScaledObject(const KedaPolicy& policy, KedaMemory& memory, const PolicyInput& input)
      : policy_(policy), memory_(memory), input_(input), now_(input.seen.now) {
    const auto& limits = input.spec.guardrails;
    replicas_min_ = limits.replicas_min.value();
    replicas_max_ = std::max({1, replicas_min_, limits.replicas_max.value()});
    memory.desired = size_asked_for(memory.started, memory.desired, input);
    scale_ = {.replicas = memory.desired, .ready = static_cast<std::int32_t>(std::lround(input.ready))};
  }

  // One operator loop, then one HPA loop: each by its own clock.
  void run() {
    if (!memory_.started) memory_.created = now_;
    memory_.started = true;
    if (!has_arrived()) return;
    if (!memory_.asked || now_ - memory_.polled >= policy_.polling_interval) poll();
    if (!memory_.asked || now_ - memory_.synced >= policy_.sync_period) sync_hpa();
    memory_.asked = true;
  }

  // Whether what the triggers would read now is fresh, and why not.
  [[nodiscard]] Reason quality() const {
    for (const auto& trigger : memory_.triggers)
      if (const Reason why = missing_reason(arriving(trigger)); why != Reason::steady) return why;
    return Reason::steady;
  }

 private:
  [[nodiscard]] Reading arriving(const KedaTriggerMemory& trigger) const {
    return arrived(trigger.pipeline, policy_.metric_delay, now_).reading;
  }

  // Until the first values come through, nothing has been measured; that is no empty answer.
  [[nodiscard]] bool has_arrived() const { return memory_.created + policy_.metric_delay <= now_; }

  void poll() {
    memory_.polled = now_;
    bool is_active = false;
    bool has_failed = false;
    for (std::size_t i = 0; i < memory_.triggers.size(); ++i) {
      const auto& trigger = policy_.triggers[i];
      auto& memory = memory_.triggers[i];
      memory.cached = arriving(memory);
      memory.polled = true;
      (void)ask(trigger, policy_.fallback, memory, memory.cached, scale_);
      const auto value = trigger_value(trigger, memory.cached);
      has_failed |= !value;
      is_active |= value && *value > trigger.activation_threshold;
    }
    if (is_active)
      activate();
    else if (!has_failed)
      deactivate();
  }

  void activate() {
    memory_.active = now_;
    const bool is_idle = policy_.idle_replicas && memory_.desired < replicas_min_;
    if (memory_.desired == 0 || is_idle) memory_.desired = std::max(1, replicas_min_);
  }

  void deactivate() {
    const auto& idle = policy_.idle_replicas;
    const bool may_rest = idle ? memory_.desired > idle->value() : replicas_min_ == 0 && memory_.desired > 0;
    if (may_rest) {
      const bool is_cool = memory_.active ? *memory_.active + policy_.cooldown_period < now_
                                          : memory_.created + policy_.initial_cooldown_period < now_;
      if (is_cool) memory_.desired = idle ? idle->value() : replicas_min_;
    } else if (!idle && memory_.desired < replicas_min_) {
      memory_.desired = replicas_min_;
    }
  }

  // The HPA leaves a size of zero alone (ScalingDisabled).
  void sync_hpa() {
    memory_.synced = now_;
    if (memory_.desired == 0) return;
    std::array<HpaMetricSeen, triggers_most> metrics;
    for (std::size_t i = 0; i < memory_.triggers.size(); ++i) metrics[i] = external_metric(i);
    HpaBehavior behavior;
    behavior.up.window = policy_.stabilize_up.value_or(behavior.up.window);
    behavior.down.window = policy_.stabilize_down.value_or(behavior.down.window);
    const HpaRules rules{.bounds = {.replicas_min = std::max(1, replicas_min_), .replicas_max = replicas_max_},
                         .tolerance = {.up = policy_.tolerance, .down = policy_.tolerance},
                         .behavior = policy_.stabilize_up || policy_.stabilize_down ? &behavior : nullptr};
    const auto outcome = sync(rules, memory_.log,
                              {.now = now_,
                               .replicas = memory_.desired,
                               .status_replicas = size_there(input_),
                               .metrics = std::span{metrics}.first(memory_.triggers.size())});
    memory_.desired = outcome.replicas;
    memory_.usage = outcome.winner ? outcome.proposal.usage : 0;
    memory_.reason = outcome.scaling_active && !outcome.scaling_active->status ? outcome.scaling_active->reason
                                                                               : outcome.able_to_scale.reason;
  }

  [[nodiscard]] HpaMetricSeen external_metric(std::size_t i) {
    const auto& trigger = policy_.triggers[i];
    auto& memory = memory_.triggers[i];
    auto value = arrived(memory.pipeline, policy_.metric_delay, now_);
    if (trigger.use_cached_metrics && memory.polled) value.reading = memory.cached;
    const auto answer = ask(trigger, policy_.fallback, memory, value.reading, scale_);
    value.reading = answer ? Reading::of(*answer) : Reading{};
    return see(metric_of(trigger), value, input_);
  }

  const KedaPolicy& policy_;
  KedaMemory& memory_;
  const PolicyInput& input_;
  Instant now_;
  std::int32_t replicas_min_ = 0;
  std::int32_t replicas_max_ = 1;
  KedaScale scale_;
};

}  // namespace

Proposal propose(const KedaPolicy& policy, KedaMemory& memory, const PolicyInput& input) {
  const std::size_t count = std::min(policy.triggers.size(), triggers_most);
  if (memory.triggers.size() != count) memory.triggers.assign(count, KedaTriggerMemory{});
  for (std::size_t i = 0; i < count; ++i)
    put(memory.triggers[i].pipeline, policy.metric_delay, measure(metric_of(policy.triggers[i]), input));
  ScaledObject object{policy, memory, input};
  object.run();

  const std::int32_t there = size_there(input);
  const WeightedReplicas desired{static_cast<double>(memory.desired)};
  const Reason quality = object.quality();
  const bool is_woken = there == 0 && memory.desired > 0;
  Proposal proposal{.has_evidence = quality == Reason::steady, .quality = quality, .note = to_text(memory.reason)};
  proposal.band = {.floor = desired,
                   .ceiling = desired,
                   .floor_reason = is_woken                 ? Reason::activate_request
                                   : memory.desired > there ? Reason::signal_above_target
                                                            : Reason::steady,
                   .ceiling_reason = memory.desired >= there ? Reason::steady
                                     : memory.desired == 0   ? Reason::idle_timeout
                                                             : Reason::signal_below_target};
  if (memory.usage > 0) proposal.facts = {{"value", static_cast<double>(memory.usage) / 1000}};
  return proposal;
}

}  // namespace tidegate
