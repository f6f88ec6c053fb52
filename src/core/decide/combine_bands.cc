#include "core/decide/combine_bands.h"

#include <algorithm>

namespace tidegate {
namespace {

PolicyInput input_of(const ServicePlan& plan) {
  PolicyInput input{.spec = plan.spec,
                    .seen = plan.seen,
                    .demand = plan.demand,
                    .at_lead = plan.at_lead,
                    .over_hold = plan.over_hold,
                    .reference = plan.pools.front().capacity,
                    .history = plan.state.history,
                    .lead_time = plan.decision.lead_time,
                    .hold_time = plan.decision.hold_time,
                    .boot_time = plan.boot_time};
  for (const PoolPlan& pool : plan.pools) {
    input.ready += pool.ready * pool.weight;
    input.warming += pool.warming * pool.weight;
  }
  input.ready_measured = input.ready;
  return input;
}

void merge(Band& band, const Band& other) {
  if (other.floor > band.floor) {
    band.floor = other.floor;
    band.floor_reason = other.floor_reason;
  }
  if (other.ceiling > band.ceiling) {
    band.ceiling = other.ceiling;
    band.ceiling_reason = other.ceiling_reason;
  }
}

void cap_band(Band& band, WeightedReplicas cap) {
  if (band.floor > cap) {
    band.floor = cap;
    band.floor_reason = Reason::schedule;
  }
  if (band.ceiling > cap) {
    band.ceiling = cap;
    band.ceiling_reason = Reason::schedule;
  }
}

// A peer's replicas need no start-up in its own world: what it asks for it is taken to have.
void play_peers(ServicePlan& plan, PolicyInput input) {
  auto& peers = plan.state.peers;
  const auto& specs = plan.spec.compare_with;
  if (peers.size() != specs.size()) {
    peers.assign(specs.size(), PeerMemory{});
    for (auto& peer : peers) peer.size = input.ready + input.warming;
  }
  const double least = plan.spec.guardrails.replicas_min.value();
  const double most = plan.spec.guardrails.replicas_max.value();
  input.warming = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    input.ready = peers[i].size;
    const Band band = propose(specs[i], peers[i].memory, input).band;
    const double up = whole_above(band.floor.value());
    const double down = std::max(up, whole_below(band.ceiling.value()));
    const double size = up > peers[i].size ? up : std::min(peers[i].size, down);
    peers[i].size = std::clamp(size, least, most);
    plan.decision.peers.push_back(
        {.policy = policy_name(specs[i]), .replicas = Replicas{static_cast<std::int32_t>(peers[i].size + 0.5)}});
  }
}

}  // namespace

StageResult combine_bands(ServicePlan& plan) {
  const PolicyInput input = input_of(plan);
  const double present = input.ready + input.warming;
  auto& memories = plan.state.policies;
  if (memories.size() != plan.spec.policies.size()) memories.assign(plan.spec.policies.size(), PolicyMemory{});

  StageResult result{.before = present};
  Band& band = plan.decision.band;
  std::optional<WeightedReplicas> cap;
  for (std::size_t i = 0; i < memories.size(); ++i) {
    Proposal proposal = propose(plan.spec.policies[i], memories[i], input);
    if (!proposal.has_evidence) {
      plan.may_lower = false;
      plan.quality = proposal.quality;
      if (proposal.band.ceiling < WeightedReplicas{present}) proposal.band.ceiling = WeightedReplicas{present};
      proposal.band.ceiling_reason = proposal.quality;
    }
    proposal.band.ceiling = std::max(proposal.band.ceiling, proposal.band.floor);
    if (i == 0 || proposal.band.floor > band.floor) {
      result.note = proposal.note;
      result.facts = std::move(proposal.facts);
    }
    if (i == 0)
      band = proposal.band;
    else
      merge(band, proposal.band);
    if (proposal.cap) cap = cap ? std::min(*cap, *proposal.cap) : proposal.cap;
  }
  if (cap) cap_band(band, *cap);
  // A signal of the replicas cannot see a request that waits while there is none; nor does a size that a policy once
  // asked for know of the replica that was then started for it.
  if (present <= 1 && plan.demand.queued > 0 && band.floor < WeightedReplicas{1})
    merge(band, {.floor = WeightedReplicas{1},
                 .ceiling = WeightedReplicas{1},
                 .floor_reason = Reason::activate_request,
                 .ceiling_reason = Reason::activate_request});
  play_peers(plan, input);
  result.after = band.floor.value();
  result.reason = band.floor_reason;
  result.facts.push_back({"ceiling", band.ceiling.value()});
  return result;
}

}  // namespace tidegate
