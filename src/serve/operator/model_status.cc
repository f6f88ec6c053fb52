#include "serve/operator/model_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "edge/kubernetes/rfc3339.h"

namespace tidegate {
namespace {

Json condition_json(const ModelCondition& condition, std::int64_t generation) {
  return {{"type", to_text(condition.type)},  {"status", condition.holds ? "True" : "False"},
          {"observedGeneration", generation}, {"lastTransitionTime", rfc3339(condition.since)},
          {"reason", condition.reason},       {"message", condition.message}};
}

std::optional<ModelCondition> parse_condition(const Json& json) {
  const auto type = from_text<ModelConditionType>(text_field(json, {"type"}));
  if (!type) return std::nullopt;
  return ModelCondition{.type = *type,
                        .holds = text_field(json, {"status"}) == "True",
                        .reason = text_field(json, {"reason"}),
                        .message = text_field(json, {"message"}),
                        .since = parse_rfc3339(text_field(json, {"lastTransitionTime"})).value_or(Instant{})};
}

// Beside the name and the wish: what is counted, by the name it has in the resource.
struct CountedState {
  const char* name;
  std::int32_t ModelPool::* count;
};
constexpr CountedState counted_states[] = {{"requested", &ModelPool::requested},
                                           {"starting", &ModelPool::starting},
                                           {"loading", &ModelPool::loading},
                                           {"ready", &ModelPool::ready},
                                           {"draining", &ModelPool::draining},
                                           {"failed", &ModelPool::failed},
                                           {"unschedulable", &ModelPool::unschedulable}};

Json pool_json(const ModelPool& pool) {
  Json json{{"name", pool.name}};
  if (pool.desired) json["desired"] = *pool.desired;
  for (const auto& [name, count] : counted_states) json[name] = pool.*count;
  if (!pool.message.empty()) json["message"] = pool.message;
  return json;
}

std::int32_t count_of(const Json& json, const char* name) {
  return static_cast<std::int32_t>(integer_field(json, {name}).value_or(0));
}

std::optional<std::int32_t> optional_count(const Json& json, const char* name) {
  const auto count = integer_field(json, {name});
  return count ? std::optional(static_cast<std::int32_t>(*count)) : std::nullopt;
}

ModelPool parse_pool(const Json& json) {
  ModelPool pool{.name = text_field(json, {"name"}),
                 .desired = optional_count(json, "desired"),
                 .message = text_field(json, {"message"})};
  for (const auto& [name, count] : counted_states) pool.*count = count_of(json, name);
  return pool;
}

Json change_json(const ModelChange& change) {
  return {{"time", rfc3339(change.at)},         {"from", change.from},     {"to", change.to},
          {"verdict", to_text(change.verdict)}, {"reason", change.reason}, {"message", change.message}};
}

ModelChange parse_change(const Json& json) {
  return {.at = parse_rfc3339(text_field(json, {"time"})).value_or(Instant{}),
          .from = count_of(json, "from"),
          .to = count_of(json, "to"),
          .verdict = from_text<Verdict>(text_field(json, {"verdict"})).value_or(Verdict::hold),
          .reason = text_field(json, {"reason"}),
          .message = text_field(json, {"message"})};
}

Json decision_json(const ModelDecision& decision) {
  Json json{{"time", rfc3339(decision.at)},
            {"verdict", to_text(decision.verdict)},
            {"reason", decision.reason},
            {"message", decision.message}};
  if (decision.until) json["until"] = rfc3339(*decision.until);
  return json;
}

ModelDecision parse_decision(const Json& json) {
  return {.at = parse_rfc3339(text_field(json, {"time"})).value_or(Instant{}),
          .verdict = from_text<Verdict>(text_field(json, {"verdict"})).value_or(Verdict::hold),
          .reason = text_field(json, {"reason"}),
          .message = text_field(json, {"message"}),
          .until = parse_rfc3339(text_field(json, {"until"}))};
}

std::optional<double> number_field(const Json& json, JsonPath path) {
  const auto* found = field(json, path);
  return found != nullptr && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

template <class Function>
auto list_of(const Json& json, const char* name, Function parse) {
  std::vector<decltype(parse(json))> all;
  if (const auto* list = field(json, {name}); list != nullptr && list->is_array())
    for (const auto& item : *list) all.push_back(parse(item));
  return all;
}

template <class Items, class Function>
Json json_list(const Items& items, Function one) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(one(item));
  return list;
}

void add_facts(Json& json, const ModelFacts& facts) {
  json["observedGeneration"] = facts.generation;
  if (facts.mode) json["mode"] = to_text(*facts.mode);
  if (facts.desired) json["desired"] = *facts.desired;
  if (facts.ready) json["ready"] = *facts.ready;
  json["conditions"] = json_list(
      facts.conditions, [&](const ModelCondition& condition) { return condition_json(condition, facts.generation); });
  json["pools"] = json_list(facts.pools, pool_json);
  json["changes"] = json_list(facts.changes, change_json);
}

void add_drift(Json& json, const ModelDrift& drift) {
  if (const auto& band = drift.band)
    json["band"] = {{"floor", band->floor},
                    {"ceiling", band->ceiling},
                    {"floorReason", band->floor_reason},
                    {"ceilingReason", band->ceiling_reason}};
  if (drift.decision) json["lastDecision"] = decision_json(*drift.decision);
  if (drift.attainment)
    json["slo"] = {{"attainment", *drift.attainment}, {"summary", fmt::format("{:.1f}%", *drift.attainment * 100)}};
  if (!drift.peers.empty())
    json["peers"] = json_list(
        drift.peers, [](const ModelPeer& peer) { return Json{{"policy", peer.policy}, {"replicas", peer.replicas}}; });
  if (!drift.leader.empty()) json["leader"] = {{"identity", drift.leader}, {"epoch", drift.epoch}};
}

}  // namespace

const ModelCondition* find_condition(const ModelStatus& status, ModelConditionType type) {
  const auto found = std::ranges::find(status.facts.conditions, type, &ModelCondition::type);
  return found == status.facts.conditions.end() ? nullptr : &*found;
}

Json status_json(const ModelStatus& status) {
  Json json = Json::object();
  add_facts(json, status.facts);
  add_drift(json, status.drift);
  return json;
}

ModelStatus parse_status(const Json& json) {
  ModelStatus status;
  auto& facts = status.facts;
  facts.generation = integer_field(json, {"observedGeneration"}).value_or(0);
  facts.mode = from_text<Mode>(text_field(json, {"mode"}));
  facts.desired = optional_count(json, "desired");
  facts.ready = optional_count(json, "ready");
  for (auto& condition : list_of(json, "conditions", parse_condition))
    if (condition) facts.conditions.push_back(std::move(*condition));
  facts.pools = list_of(json, "pools", parse_pool);
  facts.changes = list_of(json, "changes", parse_change);

  auto& drift = status.drift;
  if (const auto floor = number_field(json, {"band", "floor"}), ceiling = number_field(json, {"band", "ceiling"});
      floor && ceiling)
    drift.band = ModelBand{.floor = *floor,
                           .ceiling = *ceiling,
                           .floor_reason = text_field(json, {"band", "floorReason"}),
                           .ceiling_reason = text_field(json, {"band", "ceilingReason"})};
  if (const auto* decision = field(json, {"lastDecision"}); decision != nullptr && decision->is_object())
    drift.decision = parse_decision(*decision);
  drift.attainment = number_field(json, {"slo", "attainment"});
  drift.peers = list_of(json, "peers", [](const Json& peer) {
    return ModelPeer{.policy = text_field(peer, {"policy"}), .replicas = count_of(peer, "replicas")};
  });
  drift.leader = text_field(json, {"leader", "identity"});
  drift.epoch = integer_field(json, {"leader", "epoch"}).value_or(0);
  return status;
}

}  // namespace tidegate
