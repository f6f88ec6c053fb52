#include "serve/lines/decision_line.h"

#include "serve/lines/json_line.h"

namespace tidegate {
namespace {

void put(JsonLine& json, const StageTrace& stage) {
  json.open('{');
  json.text("stage", to_text(stage.stage));
  json.number("before", stage.before);
  json.number("after", stage.after);
  json.text("reason", to_text(stage.reason));
  if (!stage.note.empty()) json.text("note", stage.note);
  if (!stage.facts.empty()) {
    json.open("facts", '{');
    for (const auto& fact : stage.facts) json.number(fact.name, fact.value);
    json.close('}');
  }
  json.close('}');
}

}  // namespace

std::string decision_line(const Decision& decision) {
  JsonLine json;
  json.open('{');
  json.instant("now", decision.now);
  json.text("service", decision.service);
  json.text("verdict", to_text(decision.verdict));
  json.text("reason", to_text(decision.reason));
  json.open("pools", '[');
  for (const auto& pool : decision.pools) {
    json.open('{');
    json.text("pool", pool.pool);
    json.number("replicas", std::int64_t{pool.replicas.value()});
    json.close('}');
  }
  json.close(']');
  json.open("band", '{');
  json.number("floor", decision.band.floor.value());
  json.number("ceiling", decision.band.ceiling.value());
  json.text("floor_reason", to_text(decision.band.floor_reason));
  json.text("ceiling_reason", to_text(decision.band.ceiling_reason));
  json.close('}');
  json.open("stages", '[');
  for (const auto& stage : decision.stages) put(json, stage);
  json.close(']');
  if (!decision.peers.empty()) {
    json.open("peers", '[');
    for (const auto& peer : decision.peers) {
      json.open('{');
      json.text("policy", peer.policy);
      json.number("replicas", std::int64_t{peer.replicas.value()});
      json.close('}');
    }
    json.close(']');
  }
  json.duration("lead_time", decision.lead_time);
  json.duration("hold_time", decision.hold_time);
  if (decision.unlocks) json.instant("unlocks", *decision.unlocks);
  json.close('}');
  return json.take();
}

std::string error_line(const Error& error, std::int64_t number) {
  JsonLine json;
  json.open('{');
  json.text("error", error.message);
  json.number("line", number);
  json.close('}');
  return json.take();
}

}  // namespace tidegate
