#include "core/policy/target.h"

#include <algorithm>
#include <cmath>

#include "core/policy/signal_value.h"

namespace tidegate {

Proposal propose(const TargetPolicy& policy, TargetMemory& memory, const PolicyInput& input) {
  const double present = input.ready + input.warming;
  const Reading reading = signal_reading(input.seen, policy.signal, policy.name, input.demand.interval);
  const Reason quality = missing_reason(reading);
  Proposal proposal{.has_evidence = quality == Reason::steady, .quality = quality, .note = "target"};
  if (!reading.is_fresh()) {
    const double kept = std::min(present, highest(memory.needs, input.seen.now, policy.hold_down));
    proposal.band = {.floor = WeightedReplicas{kept},
                     .ceiling = WeightedReplicas{present},
                     .floor_reason = quality,
                     .ceiling_reason = quality};
    return proposal;
  }
  double need = reading.value / policy.target;
  if (!policy.per_replica) need *= input.ready;
  const bool is_within = present > 0 && std::abs(need / present - 1) <= policy.tolerance;
  if (is_within) need = present;
  observe(memory.needs, input.seen.now, policy.hold_down, need);
  const double kept = highest(memory.needs, input.seen.now, policy.hold_down);
  proposal.band = {.floor = WeightedReplicas{need},
                   .ceiling = WeightedReplicas{std::max(need, kept)},
                   .floor_reason = is_within || need <= present ? Reason::steady : Reason::signal_above_target,
                   .ceiling_reason = kept > need ? Reason::hold_down : Reason::signal_below_target};
  proposal.facts = {{"value", reading.value}, {"target", policy.target}, {"need", need}, {"highest", kept}};
  return proposal;
}

}  // namespace tidegate
