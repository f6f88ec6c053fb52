#include "serve/journal/decision_record.h"

#include <algorithm>

namespace tidegate {

namespace {

constexpr std::uint8_t record_version = 1;

template <class Enum>
bool is_known(Enum value) {
  return std::ranges::any_of(enum_texts<Enum>, [&](const auto& entry) { return entry.value == value; });
}

bool is_sane(const StoredDecision& decision) {
  return is_known(decision.verdict) && is_known(decision.reason) && is_known(decision.band.floor_reason) &&
         is_known(decision.band.ceiling_reason) && std::ranges::all_of(decision.stages, [](const StoredStage& stage) {
           return is_known(stage.stage) && is_known(stage.reason);
         });
}

}  // namespace

StoredDecision stored(const Decision& decision) {
  StoredDecision copy{.now = decision.now,
                      .service = decision.service,
                      .verdict = decision.verdict,
                      .reason = decision.reason,
                      .band = decision.band,
                      .lead_time = decision.lead_time,
                      .hold_time = decision.hold_time,
                      .demand_rate = decision.demand_rate,
                      .demand_expected = decision.demand_expected,
                      .unlocks = decision.unlocks};
  for (const auto& pool : decision.pools) copy.pools.push_back({pool.pool, pool.replicas, pool.slots, pool.weight});
  for (const auto& peer : decision.peers) copy.peers.push_back({std::string(peer.policy), peer.replicas});
  for (const auto& stage : decision.stages) {
    StoredStage& into = copy.stages.emplace_back(
        StoredStage{stage.stage, stage.before, stage.after, stage.reason, std::string(stage.note), {}});
    for (const auto& fact : stage.facts) into.facts.push_back({std::string(fact.name), fact.value});
  }
  return copy;
}

Decision view_of(const StoredDecision& owner) {
  Decision view{.now = owner.now,
                .service = owner.service,
                .verdict = owner.verdict,
                .reason = owner.reason,
                .band = owner.band,
                .lead_time = owner.lead_time,
                .hold_time = owner.hold_time,
                .demand_rate = owner.demand_rate,
                .demand_expected = owner.demand_expected,
                .unlocks = owner.unlocks};
  for (const auto& pool : owner.pools) view.pools.push_back({pool.pool, pool.replicas, pool.slots, pool.weight});
  for (const auto& peer : owner.peers) view.peers.push_back({peer.policy, peer.replicas});
  for (const auto& stage : owner.stages) {
    StageTrace& into =
        view.stages.emplace_back(StageTrace{stage.stage, stage.before, stage.after, stage.reason, stage.note, {}});
    for (const auto& fact : stage.facts) into.facts.push_back({fact.name, fact.value});
  }
  return view;
}

std::vector<std::byte> to_bytes(const StoredDecision& decision) {
  ByteWriter writer;
  writer(record_version, decision);
  return writer.take();
}

Result<StoredDecision> decision_from_bytes(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  std::uint8_t version = 0;
  reader(version);
  if (reader.failed() || version != record_version)
    return fail(ErrorKind::invalid, "the decision was recorded by another version of tidegate and cannot be shown");
  StoredDecision decision;
  reader(decision);
  if (reader.failed() || !reader.at_end() || !is_sane(decision))
    return fail(ErrorKind::invalid, "the record of the decision is damaged");
  return decision;
}

}  // namespace tidegate
