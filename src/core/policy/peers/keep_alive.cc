#include "core/policy/peers/keep_alive.h"

#include <algorithm>
#include <cmath>

#include "core/policy/signal_value.h"

namespace tidegate {
namespace {

double need_of(const KeepAlivePolicy& policy, KeepAliveMemory& memory, const PolicyInput& input) {
  const double concurrency = policy.concurrency.value_or(input.reference.slots);
  const double load = input.demand.in_flight + input.demand.queued;
  const double planned = concurrency * policy.utilization;
  const auto replicas = [](double requests, double each) { return std::ceil(requests / each - 1e-9); };
  if (policy.window <= Duration::zero()) return replicas(load, planned);
  observe(memory.average, {.period = policy.window}, input.seen.now, {Reading::of(load), 0});
  const auto& means = memory.average.seen;
  const double need = means.empty() || !means.back().known ? 0 : replicas(means.back().value, planned);
  return policy.on_demand ? std::max(need, replicas(load, concurrency)) : need;
}

double kept(const KeepAlivePolicy& policy, KeepAliveMemory& memory, Instant now, double need) {
  if (policy.release >= 1) {
    observe(memory.needs, now, policy.keep, need);
    return highest(memory.needs, now, policy.keep);
  }
  if (need >= memory.size) {
    memory.size = need;
    memory.below_since = now;
  } else if (now - memory.below_since >= policy.keep) {
    memory.size -= std::ceil((memory.size - need) * policy.release - 1e-9);
    memory.below_since = now;
  }
  return memory.size;
}

}  // namespace

Proposal propose(const KeepAlivePolicy& policy, KeepAliveMemory& memory, const PolicyInput& input) {
  const double present = input.ready + input.warming;
  const Reason quality = missing_reason(input.seen.in_flight);
  Proposal proposal{.has_evidence = quality == Reason::steady, .quality = quality, .note = "keep_alive"};
  if (!memory.started) {
    memory.started = true;
    memory.size = present;
    memory.below_since = input.seen.now;
    observe(memory.needs, input.seen.now, policy.keep, present);
  }
  if (!input.demand.concurrency_known) {
    proposal.band = {.floor = WeightedReplicas{present},
                     .ceiling = WeightedReplicas{present},
                     .floor_reason = quality,
                     .ceiling_reason = quality};
    return proposal;
  }
  const double need = need_of(policy, memory, input);
  const double most = std::max(kept(policy, memory, input.seen.now, need), need);
  proposal.band = {.floor = WeightedReplicas{need},
                   .ceiling = WeightedReplicas{most},
                   .floor_reason = need > present ? Reason::load_rise : Reason::steady,
                   .ceiling_reason = most > need ? Reason::hold_down : Reason::idle_timeout};
  proposal.facts = {{"need", need}, {"highest", most}};
  return proposal;
}

}  // namespace tidegate
